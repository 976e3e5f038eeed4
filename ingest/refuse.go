package ingest

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/intake"
	"errata/ingest/judge"
	"errata/ingest/refusal"
	"errata/ingest/reply"
	"errata/schema"
)

// projectLocal holds the *intake.Project of a request whose key is known.
const projectLocal = "project"

// refused counts a request that was answered with err. Those that the client
// sends again (5xx) and those of which the items are counted already do not
// count here.
func (s *Server) refused(p *intake.Project, protocol schema.Protocol, err error) {
	e, _ := reply.To(err)
	if p == nil || e.Status >= http.StatusInternalServerError {
		return
	}
	key := refusal.Kind{Project: p.ID, Outcome: schema.OutcomeInvalid, Reason: "request_" + e.Reason, Protocol: protocol}
	var l *judge.Limited
	switch {
	case errors.As(err, &l):
		if l.Counted {
			return
		}
		key.Outcome, key.Reason = schema.OutcomeRateLimited, l.Reason
	case e.Status == http.StatusRequestEntityTooLarge:
		key.Outcome = schema.OutcomeTooLarge
	}
	s.refusals.Add(key, 1)
}

// projectOf is the project of a request, nil where its key is not known.
func projectOf(c *fiber.Ctx) *intake.Project {
	p, _ := c.Locals(projectLocal).(*intake.Project)
	return p
}

// fail writes a refusal as {"detail","causes"}.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	e, wait := reply.To(err)
	s.refused(projectOf(c), schema.Protocol_PROTOCOL_SENTRY, err)
	if l, ok := errors.AsType[*judge.Limited](err); ok {
		if l.Header != "" {
			c.Set(reply.HeaderRateLimits, l.Header)
		}
	}
	if wait > 0 {
		c.Set(fiber.HeaderRetryAfter, reply.Seconds(wait))
	}
	if e.Status >= 500 && e.Reason == "internal" {
		s.log.Error("cannot handle request", "path", c.Path(), "error", err)
	}
	s.metrics.Refused.WithLabelValues(e.Reason).Inc()
	c.Set(reply.HeaderError, e.Error())
	reply.CORS(c)
	c.Status(e.Status).Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(reply.Body(e))
}
