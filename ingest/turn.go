package ingest

import (
	"context"
	"time"

	"errata/ingest/inflate"
	"errata/ingest/intake"
)

// heavyWait is how long a large body waits for its turn before the client is
// told to come again.
const heavyWait = 5 * time.Second

// inTurn calls read, which turns a body of n bytes into rows, and returns its
// error. Two kinds of requests wait for it, so that the requests of others find
// a free core: large bodies, and those of projects that flood. All large ones
// together have half of the cores, and so have all of the floods. They wait
// only once their body is there: a slow client holds up nobody.
func (s *Server) inTurn(req *intake.Request, n int, read func() error) error {
	switch {
	case n > inflate.HeavyBytes:
		ctx, cancel := context.WithTimeout(context.Background(), heavyWait)
		defer cancel()
		if s.heavy.Acquire(ctx, 1) != nil {
			return errBusy
		}
		defer s.heavy.Release(1)
	case s.flood.Flooding(req.Project.ID, req.ReceivedAt):
		s.turns <- struct{}{}
		defer func() { <-s.turns }()
	}
	return read()
}

// outlines reports whether it pays to read only what groups and counts of the
// events of a body of n bytes first: an event that is kept is then read twice.
func (s *Server) outlines(req *intake.Request, n int) bool {
	return !s.atOnce && n <= inflate.HeavyBytes && s.flood.Mostly(req.Project.ID, req.ReceivedAt)
}
