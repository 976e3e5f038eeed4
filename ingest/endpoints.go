package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"errata/ingest/body"
	"errata/ingest/credential"
	"errata/ingest/embed"
	"errata/ingest/form"
	"errata/ingest/inflate"
	"errata/ingest/intake"
	"errata/ingest/judge"
	"errata/ingest/otlp"
	"errata/ingest/reply"
	"errata/ingest/sentry"
	"errata/schema"
)

// security takes browsers' reports: CSP and its like.
func (s *Server) security(c *fiber.Ctx) error {
	return s.report(c, false, func(req *intake.Request, body []byte) (*intake.Batch, error) {
		b, _, err := sentry.Security(req, utils.CopyString(c.Get(fiber.HeaderContentType)), body)
		return b, err
	})
}

// nel takes network error reports. Browsers cannot slow down, so it is never
// 429.
func (s *Server) nel(c *fiber.Ctx) error {
	return s.report(c, true, func(req *intake.Request, body []byte) (*intake.Batch, error) {
		b, _, err := sentry.NEL(req, utils.CopyString(c.Get(fiber.HeaderContentType)), body)
		return b, err
	})
}

func (s *Server) report(c *fiber.Ctx, never429 bool, read func(*intake.Request, []byte) (*intake.Batch, error)) error {
	req, err := s.identify(c)
	if never429 && isLimited(err) {
		return taken(c)
	}
	if err != nil {
		return err
	}
	sent, err := s.bodies.Read(c, maxEventBytes, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	var batch *intake.Batch
	if err := s.inTurn(req, sent, func() (err error) {
		batch, err = read(req, sent.Bytes)
		return err
	}); err != nil {
		return err
	}
	if err := s.submit(context.Background(), batch); err != nil && !(never429 && isLimited(err)) {
		return err
	}
	return taken(c)
}

// vercel takes the lines of a log drain.
func (s *Server) vercel(c *fiber.Ctx) error {
	req, err := s.identify(c)
	if err != nil {
		return err
	}
	sent, err := s.bodies.Read(c, otlp.MaxBytes, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	var batch *intake.Batch
	if err := s.inTurn(req, sent, func() (err error) {
		batch, err = sentry.VercelLogs(req, utils.CopyString(c.Get(fiber.HeaderContentType)), sent.Bytes)
		return err
	}); err != nil {
		return err
	}
	if err := s.submit(context.Background(), batch); err != nil {
		return err
	}
	reply.CORS(c)
	c.Status(http.StatusAccepted)
	return nil
}

// taken answers a browser that reads nothing: 200 without a body.
func taken(c *fiber.Ctx) error {
	reply.CORS(c)
	c.Status(http.StatusOK)
	return nil
}

func isLimited(err error) bool {
	var l *judge.Limited
	return errors.As(err, &l)
}

// minidump takes the upload of a crash handler, as a form or raw.
func (s *Server) minidump(c *fiber.Ctx) error {
	var held []*inflate.Body // Release of none is none.
	defer func() {
		for _, b := range held {
			b.Release()
		}
	}()
	return s.upload(c, func(req *intake.Request, kind string, sent *body.Body) (string, int, *intake.Batch, error) {
		parts := []form.Part{{Name: sentry.MinidumpField, ContentType: kind, Data: sent.Bytes}}
		if strings.HasPrefix(kind, "multipart/") {
			var err error
			if parts, err = form.Parts(kind, sent.Bytes); err != nil {
				return "", 0, nil, err
			}
		}
		sent.Leave() // Its place among the large ones: a dump asks for one of its own.
		dump, err := s.inflateDump(parts)
		if err != nil {
			return "", 0, nil, err
		}
		held = append(held, dump)
		b, answer, err := sentry.Minidump(req, parts)
		if leave := dump.Turn(); leave != nil {
			leave() // The blob store may be slow.
		}
		return answer.DashedID(), http.StatusOK, b, err
	})
}

// inflateDump replaces a dump that the crash handler compressed by what is in
// it. The body is nil where it did not; else it is released with the request.
func (s *Server) inflateDump(parts []form.Part) (*inflate.Body, error) {
	for i := range parts {
		p := &parts[i]
		encoding := ""
		switch {
		case p.Name != sentry.MinidumpField:
		case bytes.HasPrefix(p.Data, []byte{0x1f, 0x8b}):
			encoding = "gzip"
		case bytes.HasPrefix(p.Data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			encoding = "zstd"
		}
		if encoding == "" {
			continue
		}
		b, err := s.bodies.Inflate(p.Data, encoding)
		switch {
		case err == nil:
			p.Data, p.Filename = b.Bytes, strings.TrimSuffix(strings.TrimSuffix(p.Filename, ".gz"), ".zst")
			return b, nil
		case errors.Is(err, inflate.ErrTooLarge):
			return nil, body.TooLarge(s.cfg.MaxEnvelopeBytes)
		case errors.Is(err, inflate.ErrBusy):
			return nil, err
		}
		return nil, intake.Refuse(http.StatusBadRequest, "invalid minidump", "invalid_minidump", "the file begins like "+encoding+" and cannot be inflated: "+err.Error())
	}
	return nil, nil
}

// attachments takes files for an event that was sent before.
func (s *Server) attachments(c *fiber.Ctx) error {
	event := utils.CopyString(c.Params("event"))
	return s.upload(c, func(req *intake.Request, kind string, sent *body.Body) (string, int, *intake.Batch, error) {
		parts, err := form.Parts(kind, sent.Bytes)
		if err != nil {
			return "", 0, nil, err
		}
		b, err := sentry.Attachments(req, event, parts)
		return "", http.StatusCreated, b, err
	})
}

// unreal takes a crash report of the Unreal Engine; the key is in the path.
func (s *Server) unreal(c *fiber.Ctx) error {
	return s.upload(c, func(req *intake.Request, _ string, sent *body.Body) (string, int, *intake.Batch, error) {
		b, answer, err := sentry.Unreal(req, sent.Bytes)
		return answer.DashedID(), http.StatusOK, b, err
	})
}

func (s *Server) upload(c *fiber.Ctx, read func(req *intake.Request, kind string, sent *body.Body) (string, int, *intake.Batch, error)) error {
	req, err := s.identify(c)
	if err != nil {
		return err
	}
	sent, err := s.bodies.Read(c, s.cfg.MaxEnvelopeBytes, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	text, status, batch, err := read(req, utils.CopyString(c.Get(fiber.HeaderContentType)), sent)
	sent.Leave()
	if err != nil {
		return err
	}
	if err := s.submit(context.Background(), batch); err != nil {
		return err
	}
	reply.CORS(c)
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.Status(status).SendString(text)
}

// cron takes a check-in by URL. Jobs cannot slow down, so it is never 429.
func (s *Server) cron(c *fiber.Ctx) error {
	req, err := s.identify(c)
	if isLimited(err) {
		s.refused(projectOf(c), schema.Protocol_PROTOCOL_SENTRY, err)
		c.Status(http.StatusAccepted)
		return reply.ID(c, "")
	}
	if err != nil {
		return err
	}
	sent, err := s.bodies.Read(c, maxEventBytes, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	slug, err := url.PathUnescape(utils.CopyString(c.Params("slug")))
	if err != nil {
		slug = utils.CopyString(c.Params("slug"))
	}
	batch, answer, err := sentry.CheckIn(req, slug, sent.Bytes)
	if err != nil {
		return err
	}
	if err := s.submit(context.Background(), batch); err != nil && !isLimited(err) {
		return err
	}
	c.Status(http.StatusAccepted)
	return reply.ID(c, answer.EventID)
}

// userFeedback takes what a user says of an event, from a server.
func (s *Server) userFeedback(c *fiber.Ctx) error {
	var req *intake.Request
	var err error
	if h := c.Get(fiber.HeaderAuthorization); len(h) > 4 && strings.EqualFold(h[:4], "dsn ") {
		req, err = s.byDSN(c, strings.TrimSpace(h[4:]))
	} else {
		req, err = s.identify(c)
	}
	if err != nil {
		return err
	}
	sent, err := s.bodies.Read(c, maxEventBytes, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	said := sent.Bytes
	if fields, err := url.ParseQuery(string(said)); err == nil && isForm(c) {
		said, _ = json.Marshal(map[string]string{ // Texts are always JSON.
			"event_id": fields.Get("event_id"), "name": fields.Get("name"), "email": fields.Get("email"), "comments": fields.Get("comments"),
		})
	}
	batch, err := sentry.UserFeedback(req, said)
	if err != nil {
		return err
	}
	if err := s.submit(context.Background(), batch); err != nil {
		return err
	}
	return reply.ID(c, "")
}

func isForm(c *fiber.Ctx) bool {
	kind, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";")
	return strings.EqualFold(strings.TrimSpace(kind), fiber.MIMEApplicationForm)
}

// byDSN finds the project of a whole DSN.
func (s *Server) byDSN(c *fiber.Ctx, dsn string) (*intake.Request, error) {
	key, project, err := credential.DSN(dsn)
	if err != nil {
		return nil, intake.Refuse(http.StatusBadRequest, "bad dsn", "bad_dsn", err.Error())
	}
	cred, err := credential.Credential{Key: key}.Check()
	if err != nil {
		return nil, err
	}
	return s.admit(c, cred.Detached(), utils.CopyString(project))
}

// embedForm gives a page the crash-report form, as a script that shows it.
func (s *Server) embedForm(c *fiber.Ctx) error {
	if _, err := s.byDSN(c, utils.CopyString(c.Query("dsn"))); err != nil {
		return err
	}
	if c.Query("eventId") == "" {
		return intake.Refuse(http.StatusBadRequest, "missing eventId", "bad_event", "the query must name the event that the user saw")
	}
	reply.CORS(c)
	c.Set(fiber.HeaderContentType, "application/javascript; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	action := c.BaseURL() + "/api/embed/error-page/?" + url.Values{"dsn": {c.Query("dsn")}, "eventId": {c.Query("eventId")}}.Encode()
	return c.SendString(embed.Script(action, c.Query("name"), c.Query("email"), func(name string) string { return c.Query(name) }))
}

// embedPost takes the form's answer.
func (s *Server) embedPost(c *fiber.Ctx) error {
	req, err := s.byDSN(c, utils.CopyString(c.Query("dsn")))
	if err != nil {
		return err
	}
	sent, err := s.bodies.Read(c, 64<<10, nil)
	if err != nil {
		return err
	}
	defer sent.Release()
	fields, err := url.ParseQuery(string(sent.Bytes))
	if err != nil {
		return intake.Refuse(http.StatusBadRequest, "invalid form", "bad_form", "send name, email and comments as application/x-www-form-urlencoded")
	}
	batch, err := sentry.UserReport(req, utils.CopyString(c.Query("eventId")), fields.Get("name"), fields.Get("email"), fields.Get("comments"))
	if err != nil {
		return err
	}
	if err := s.submit(context.Background(), batch); err != nil {
		return err
	}
	return reply.ID(c, "")
}
