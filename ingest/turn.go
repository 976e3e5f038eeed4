package ingest

import (
	"errata/ingest/body"
	"errata/ingest/inflate"
	"errata/ingest/intake"
)

// wholeTurn is the size from which on a body keeps its turn until its rows are
// on the topic: they take more memory than it does.
const wholeTurn = 4 << 20

// inTurn calls read, which turns a body into rows, and returns its error. Two
// kinds of requests wait for it, so that the requests of others find a free
// core: large bodies, and those of projects that flood. All large ones together
// have half of the cores, and so have all of the floods. They wait only once
// their body is there: a slow client holds up nobody. One that was inflated has
// its turn already. Bodies over wholeTurn keep it until they leave.
func (s *Server) inTurn(req *intake.Request, sent *body.Body, read func() error) error {
	n := len(sent.Bytes)
	switch {
	case sent.Large():
	case n > inflate.HeavyBytes:
		if err := s.bodies.Turn(sent); err != nil {
			return err
		}
	case s.judge.Flood.Flooding(req.Project.ID, req.ReceivedAt):
		s.turns <- struct{}{}
		defer func() { <-s.turns }()
	}
	if n <= wholeTurn {
		defer sent.Leave()
	}
	return read()
}

// outlines reports whether it pays to read only what groups and counts of the
// events of a body of n bytes first: an event that is kept is then read twice.
func (s *Server) outlines(req *intake.Request, n int) bool {
	return !s.atOnce && n <= inflate.HeavyBytes && s.judge.Flood.Mostly(req.Project.ID, req.ReceivedAt)
}
