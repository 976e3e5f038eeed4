package ingest

import (
	"errata/ingest/intake"
)

// inTurn calls read, which turns a body into rows. Requests of projects that
// flood wait for it: all such projects together have half of the cores, so that
// the requests of others do not stand behind a flood. They wait only once their
// body is there: a slow client holds up nobody.
func (s *Server) inTurn(req *intake.Request, read func()) {
	if s.flood.Flooding(req.Project.ID, req.ReceivedAt) {
		s.turns <- struct{}{}
		defer func() { <-s.turns }()
	}
	read()
}
