package ingest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"errata/ingest/credential"
	"errata/ingest/inflate"
	"errata/ingest/intake"
	"errata/ingest/reply"
	"errata/ingest/sentry"
	"errata/ingest/sentry/limit"
)

// identify finds the project of a Sentry request by header, query or path.
func (s *Server) identify(c *fiber.Ctx) (*intake.Request, error) {
	cred, err := credential.Of(func(name string) string { return c.Get(name) }, string(c.Context().URI().QueryString()), c.Params("key"))
	if err != nil {
		return nil, err
	}
	req, err := s.admit(c, cred.Detached(), c.Params("project"))
	if err != nil {
		return nil, err
	}
	return req, s.judge.Spent(req)
}

// envelope takes POST /api/PROJECT/envelope/. Any content type is an envelope:
// browsers send text/plain to go without a preflight.
func (s *Server) envelope(c *fiber.Ctx) error {
	req, err := s.identify(c)
	noAuth := isNoAuth(err)
	if err != nil && !noAuth {
		return err
	}
	sent, err := s.bodies.Read(c, s.cfg.MaxEnvelopeBytes, watchEnvelope)
	if err != nil {
		return err
	}
	defer sent.Release()
	if noAuth {
		if req, err = s.identifyByDSN(c, sent.Bytes); err != nil {
			return err
		}
	}
	req.Outlines = s.outlines(req, len(sent.Bytes))
	var batch *intake.Batch
	var answer sentry.Answer
	err = s.inTurn(req, sent, func() (err error) {
		batch, answer, err = sentry.Envelope(req, sent.Bytes)
		return err
	})
	if err != nil {
		return err
	}
	if len(batch.Blobs) > 0 {
		sent.Leave() // A blob store may be slow.
	}
	return s.finish(c, batch, answer)
}

func watchEnvelope() inflate.Watch { return new(limit.Guard).Watch }

func isNoAuth(err error) bool {
	if err == nil {
		return false
	}
	e := &intake.Error{}
	ok := errors.As(err, &e)
	return ok && e.Status == http.StatusUnauthorized && e.Reason == "no_auth"
}

// identifyByDSN finds the project by the dsn of an envelope's header.
func (s *Server) identifyByDSN(c *fiber.Ctx, body []byte) (*intake.Request, error) {
	dsn, ok := sentry.HeaderDSN(body)
	if !ok {
		return nil, intake.Refuse(http.StatusUnauthorized, credential.NoAuth, "no_auth",
			"send the DSN's public key in X-Sentry-Auth, in the query (sentry_key) or as dsn in the envelope header")
	}
	key, project, err := credential.DSN(dsn)
	if err != nil {
		return nil, intake.Refuse(http.StatusBadRequest, "bad dsn in the envelope header", "bad_dsn", err.Error())
	}
	cred, err := credential.Credential{Key: key}.Check()
	if err != nil {
		return nil, err
	}
	if path := c.Params("project"); path != "" && project != path {
		return nil, intake.Refuse(http.StatusBadRequest, "header mismatch", "dsn_mismatch", "the dsn names another project than the path")
	}
	return s.admit(c, cred, c.Params("project"))
}

// store takes POST /api/[PROJECT/]store/: one event.
func (s *Server) store(c *fiber.Ctx) error {
	if strings.HasPrefix(strings.ToLower(c.Get(fiber.HeaderContentType)), "application/x-sentry-envelope") {
		return s.envelope(c)
	}
	req, err := s.identify(c)
	if err != nil {
		return err
	}
	// Base64 takes a third more; the event itself is bounded by the adapter.
	sent, err := s.bodies.Read(c, maxEventBytes*3/2, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	req.Outlines = s.outlines(req, len(sent.Bytes))
	var batch *intake.Batch
	var answer sentry.Answer
	err = s.inTurn(req, sent, func() (err error) {
		batch, answer, err = sentry.Store(req, sent.Bytes)
		return err
	})
	if err != nil {
		return err
	}
	return s.finish(c, batch, answer)
}

// storeGet takes GET with the event in the query and answers with a picture,
// whatever became of it: the page that asks cannot read more.
func (s *Server) storeGet(c *fiber.Ctx) error {
	req, err := s.identify(c)
	if err != nil {
		return err
	}
	data := []byte(utils.CopyString(c.Query("sentry_data")))
	if len(data) == 0 {
		return intake.Refuse(http.StatusBadRequest, "missing sentry_data", "empty_body", "sentry_data holds the event as base64")
	}
	batch, _, err := sentry.Store(req, data)
	if err != nil {
		return err
	}
	// A server that stops answers what it has begun: the request's own context ends
	// when the stop begins.
	if err := s.submit(context.Background(), batch); err != nil {
		return err
	}
	reply.CORS(c)
	c.Set(fiber.HeaderContentType, "image/gif")
	return c.Send(reply.Pixel)
}

// finish makes a batch durable and answers with the event's id.
func (s *Server) finish(c *fiber.Ctx, batch *intake.Batch, answer sentry.Answer) error {
	if err := s.submit(context.Background(), batch); err != nil {
		return err
	}
	return reply.ID(c, answer.EventID)
}
