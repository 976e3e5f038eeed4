package ingest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"errata/ingest/body"
	"errata/ingest/credential"
	"errata/ingest/directory"
	"errata/ingest/intake"
	"errata/ingest/judge"
	"errata/ingest/otlp"
	"errata/ingest/otlp/decode"
	"errata/ingest/otlp/export"
	"errata/ingest/peer"
	"errata/ingest/reply"
	"errata/schema"
)

// anonymous reports whether a request without a key may use the default project.
func (s *Server) anonymous(peer string, forwarded bool) bool {
	if s.cfg.OTLPAnonymous {
		return true
	}
	a, err := netip.ParseAddr(peer)
	return err == nil && a.IsLoopback() && !forwarded
}

// otlpProject returns the project for a request without a key: the one marked
// as OTLP default. It is nil where none is, but rules by service may name others.
func (s *Server) otlpProject(peer string, forwarded bool) (*intake.Project, error) {
	if !s.anonymous(peer, forwarded) {
		return nil, intake.Refuse(http.StatusUnauthorized, credential.NoAuth, "no_auth",
			"send a project's key: OTEL_EXPORTER_OTLP_HEADERS=x-errata-key=KEY")
	}
	p, err := s.directory.OTLPDefault()
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, directory.ErrNotLoaded):
		return nil, lookupError(err)
	case len(s.cfg.ServiceProjects) > 0:
		return nil, nil
	}
	return nil, noDefault()
}

func noDefault() error {
	return intake.Refuse(http.StatusUnauthorized, credential.NoAuth, "no_auth",
		"no project is marked as OTLP default; send a project's key: OTEL_EXPORTER_OTLP_HEADERS=x-errata-key=KEY")
}

// otlp handles one signal, plain or under a project's path.
func (s *Server) otlp(signal otlp.Signal) fiber.Handler {
	adapt := otlp.Adapt(signal)
	return func(c *fiber.Ctx) error {
		kind := utils.CopyString(c.Get(fiber.HeaderContentType))
		partial, err := s.otlpRequest(c, adapt, kind)
		if err != nil {
			return s.otlpFail(c, kind, err)
		}
		reply.CORS(c)
		b, t := export.Response(signal, kind, partial)
		c.Set(fiber.HeaderContentType, t)
		return c.Send(b)
	}
}

func (s *Server) otlpRequest(c *fiber.Ctx, adapt otlp.Adapter, kind string) (*otlp.Partial, error) {
	cred, err := credential.OTLP(func(n string) string { return c.Get(n) }, func(n string) string { return c.Query(n) })
	if err != nil {
		return nil, err
	}
	var req *intake.Request
	switch path := c.Params("project"); {
	case cred.Key != "":
		if req, err = s.admit(c, cred.Detached(), path); err != nil {
			return nil, err
		}
	case path != "":
		// A project in the path without its key is a claim that anyone can make.
		return nil, intake.Refuse(http.StatusUnauthorized, credential.NoAuth, "no_auth", "send the project's key in x-sentry-auth or x-errata-key")
	default:
		p, err := s.otlpProject(peer.IP(c.Context().Conn()), c.Get(fiber.HeaderXForwardedFor) != "")
		if err != nil {
			return nil, err
		}
		c.Locals(projectLocal, p)
		req = s.request(c)
		req.Project = p
		if p != nil && !credential.OriginAllowed(p.Settings.AllowedOrigins, req.Origin) {
			return nil, credential.Rejected("Cors", "the origin is not among the project's allowed_origins")
		}
	}
	if req.Project != nil {
		if err := s.judge.Spent(req); err != nil {
			return nil, err
		}
	}
	sent, err := s.bodies.Read(c, maxOTLPBytes, nil)
	if err != nil {
		return nil, err
	}
	defer sent.Release()
	return s.otlpTake(req, adapt, sent, kind)
}

// otlpTake submits a body, in parts where services have projects of their own.
func (s *Server) otlpTake(req *intake.Request, adapt otlp.Adapter, sent *body.Body, kind string) (*otlp.Partial, error) {
	if req.Key == "" && len(s.cfg.ServiceProjects) > 0 {
		return s.otlpByService(req, adapt, sent, kind)
	}
	return s.otlpSubmit(req, adapt, sent, sent.Bytes, kind)
}

// otlpByService parts a request without a key by the configured services.
func (s *Server) otlpByService(req *intake.Request, adapt otlp.Adapter, sent *body.Body, kind string) (*otlp.Partial, error) {
	encoding, err := decode.ContentType(kind)
	if err != nil {
		return nil, intake.Refuse(http.StatusUnsupportedMediaType, "cannot read OTLP request", "content_type", err.Error())
	}
	var other uint32 // 0 is nobody's.
	if req.Project != nil {
		other = req.Project.ID
	}
	parts, err := s.cfg.ServiceProjects.Part(sent.Bytes, encoding == decode.JSON, other)
	if err != nil {
		return nil, intake.Refuse(http.StatusBadRequest, "cannot read OTLP request", "malformed", err.Error())
	}
	var sum *otlp.Partial
	for _, id := range slices.Sorted(maps.Keys(parts)) {
		one := *req
		if id == 0 {
			return nil, noDefault() // The first of all: nothing was taken yet.
		}
		if id != other {
			if one.Project, err = s.directory.ByID(id); err != nil {
				return nil, lookupError(err)
			}
			if !credential.OriginAllowed(one.Project.Settings.AllowedOrigins, req.Origin) {
				return nil, credential.Rejected("Cors", "the origin is not among the project's allowed_origins")
			}
		}
		p, err := s.otlpSubmit(&one, adapt, sent, parts[id], kind)
		if err != nil {
			// All of it is sent again; what was taken is known by its ids.
			return nil, err
		}
		switch {
		case p == nil:
		case sum == nil:
			sum = p
		default:
			sum = &otlp.Partial{Rejected: sum.Rejected + p.Rejected, Message: sum.Message + "; " + p.Message}
		}
	}
	return sum, nil
}

func (s *Server) otlpSubmit(req *intake.Request, adapt otlp.Adapter, sent *body.Body, part []byte, kind string) (*otlp.Partial, error) {
	var batch *intake.Batch
	var partial *otlp.Partial
	err := s.inTurn(req, sent, func() (err error) {
		batch, partial, err = adapt(req, part, kind)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.submit(context.Background(), batch)
	var l *judge.Limited
	if errors.As(err, &l) && l.Partly {
		// A 429 would make the exporter send all of it again, the kept part too.
		return overQuota(batch, partial, l), nil
	}
	return partial, err
}

// overQuota says in the protocol's words that some items were refused.
func overQuota(b *intake.Batch, p *otlp.Partial, l *judge.Limited) *otlp.Partial {
	out := otlp.Partial{}
	if p != nil {
		out = *p
		out.Message += "; "
	}
	for _, o := range b.Outcomes {
		if o.Outcome == schema.OutcomeRateLimited && o.Category != schema.CategoryError {
			out.Rejected += int64(o.Quantity)
		}
	}
	out.Message += l.Error()
	return &out
}

// otlpFail answers with google.rpc.Status, as OTLP asks for. Only 429, 502, 503
// and 504 are retried by exporters.
func (s *Server) otlpFail(c *fiber.Ctx, kind string, err error) error {
	e, wait := reply.To(err)
	s.refused(projectOf(c), schema.Protocol_PROTOCOL_OTLP, err)
	if wait > 0 {
		c.Set(fiber.HeaderRetryAfter, reply.Seconds(wait))
	}
	s.metrics.Refused.WithLabelValues(e.Reason).Inc()
	reply.CORS(c)
	b, t := export.ErrorBody(kind, e.Status, e.Error(), wait)
	c.Set(fiber.HeaderContentType, t)
	return c.Status(e.Status).Send(b)
}

// grpcHandler lends the edge to the gRPC services.
type grpcHandler struct{ s *Server }

// Authorize finds the project of a call.
func (g grpcHandler) Authorize(ctx context.Context, _ otlp.Signal, header func(string) string, client string) (*intake.Request, error) {
	cred, err := credential.OTLP(header, func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	peer := client
	if a, err := netip.ParseAddrPort(client); err == nil {
		peer = a.Addr().Unmap().String()
	}
	req := &intake.Request{ReceivedAt: time.Now(), ClientIP: peer, UserAgent: header("user-agent"), Query: func(string) string { return "" }}
	if cred.Key == "" {
		req.Project, err = g.s.otlpProject(peer, header("x-forwarded-for") != "")
		return req, err
	}
	entry, err := g.s.directory.ByKey(ctx, cred.Key)
	if err != nil {
		g.s.refused(turnedOff(err), schema.Protocol_PROTOCOL_OTLP, lookupError(err))
		return nil, lookupError(err)
	}
	req.Key, req.Project, req.KeySettings, req.Client = cred.Key, entry.Project, entry.Settings, cred.Client
	return req, nil
}

// Take reads and submits what a call brought.
func (g grpcHandler) Take(_ context.Context, req *intake.Request, adapt otlp.Adapter, message []byte) (*otlp.Partial, error) {
	b := &body.Body{Bytes: message}
	defer b.Release()
	partial, err := g.s.otlpTake(req, adapt, b, decode.Protobuf)
	if err != nil {
		e, _ := reply.To(err)
		g.s.refused(req.Project, schema.Protocol_PROTOCOL_OTLP, err)
		g.s.metrics.Refused.WithLabelValues(e.Reason).Inc()
		return nil, errors.Join(e, err)
	}
	return partial, nil
}

// Refuse counts a call of which the message could not be received.
func (g grpcHandler) Refuse(req *intake.Request, err error) {
	e := intake.Refuse(http.StatusBadRequest, "cannot read OTLP message", "malformed", err.Error())
	if status.Code(err) == codes.ResourceExhausted {
		e.Status, e.Reason = http.StatusRequestEntityTooLarge, "too_large"
	}
	g.s.refused(req.Project, schema.Protocol_PROTOCOL_OTLP, e)
	g.s.metrics.Refused.WithLabelValues(e.Reason).Inc()
}

// RetryAfter says how long an exporter shall wait.
func (g grpcHandler) RetryAfter(err error) time.Duration {
	_, wait := reply.To(err)
	return wait
}
