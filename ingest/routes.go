package ingest

import (
	"bytes"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"

	"errata/ingest/framing"
	"errata/ingest/intake"
	"errata/ingest/otlp"
	"errata/ingest/reply"
)

// routes builds the app. Each route exists with and without a trailing slash
// (Fiber's default) and with runs of slashes folded; nothing redirects, because
// SDKs do not follow.
func (s *Server) routes() *fiber.App {
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true, ServerHeader: "",
		BodyLimit: s.cfg.MaxRequestBytes, Concurrency: s.cfg.Concurrency,
		ReadTimeout: s.cfg.ReadTimeout, WriteTimeout: s.cfg.WriteTimeout, IdleTimeout: s.cfg.IdleTimeout,
		// Room for long baggage and X-Sentry-Auth headers.
		ReadBufferSize: reply.MaxHeaderBytes, WriteBufferSize: 4 << 10,
		DisablePreParseMultipartForm: true,
		// The library would set memory aside for a body of any claimed length;
		// package body reads it as it comes, within limits of its own.
		StreamRequestBody: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			if p := c.Path(); strings.HasPrefix(p, "/v1/") || strings.Contains(p, "/integration/otlp/") {
				return s.otlpFail(c, c.Get(fiber.HeaderContentType), err)
			}
			return s.fail(c, err)
		},
	})
	app.Use(readable, fold)
	app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	app.Get("/readyz", func(c *fiber.Ctx) error {
		if err := s.ready(); err != nil {
			return c.Status(http.StatusServiceUnavailable).SendString("not ready: " + err.Error() + "\n")
		}
		return c.SendString("ready\n")
	})
	app.Get("/metrics", adaptor.HTTPHandler(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{})))
	app.Options("/*", reply.Preflight)

	app.Post("/api/:project/envelope", s.timed("envelope", s.envelope))
	app.Post("/api/store", s.timed("store", s.store))
	app.Get("/api/store", s.timed("store", s.storeGet))
	app.Post("/api/:project/store", s.timed("store", s.store))
	app.Get("/api/:project/store", s.timed("store", s.storeGet))
	for _, kind := range []string{"security", "csp-report"} {
		app.Post("/api/:project/"+kind, s.timed("security", s.security))
	}
	app.Post("/api/:project/nel", s.timed("nel", s.nel))
	app.Post("/api/:project/minidump", s.timed("minidump", s.minidump))
	app.Post("/api/:project/events/:event/attachments", s.timed("attachments", s.attachments))
	app.Post("/api/:project/integration/vercel/logs", s.timed("vercel", s.vercel))
	app.Post("/api/:project/unreal/:key", s.timed("unreal", s.unreal))
	for _, path := range []string{"/api/:project/cron/:slug", "/api/:project/cron/:slug/:key"} {
		app.Get(path, s.timed("cron", s.cron))
		app.Post(path, s.timed("cron", s.cron))
	}
	app.Post("/api/0/projects/:organization/:slug/user-feedback", s.timed("user_feedback", s.userFeedback))
	app.All("/api/0/*", webAPI)
	app.Get("/api/embed/error-page", s.timed("embed", s.embedForm))
	app.Post("/api/embed/error-page", s.timed("embed", s.embedPost))
	for _, signal := range []otlp.Signal{otlp.SignalTraces, otlp.SignalLogs, otlp.SignalMetrics} {
		h := s.timed("otlp_"+string(signal), s.otlp(signal))
		app.Post("/v1/"+string(signal), h)
		app.Post("/api/:project/integration/otlp/v1/"+string(signal), h)
	}
	for _, r := range app.GetRoutes(true) {
		if strings.HasPrefix(r.Path, "/api/") || strings.HasPrefix(r.Path, "/v1/") {
			app.All(r.Path, wrongMethod)
		}
	}
	app.Use(func(c *fiber.Ctx) error {
		return intake.Refuse(http.StatusNotFound, "no such endpoint", "no_endpoint", methodOf(c)+" "+cutText(c.Path(), 200)+" is not one of this store's addresses: Sentry's SDKs send to /api/PROJECT/envelope/, OpenTelemetry's exporters to /v1/traces, /v1/logs and /v1/metrics")
	})
	return app
}

// webAPI refuses what sentry-cli and people's scripts ask of Sentry's web
// server. sentry-cli shows the sentence of any status but 404, for which it has
// words of its own.
func webAPI(c *fiber.Ctx) error {
	detail := "this store takes what SDKs send and has no web API: ask it with `errata query` and `errata issue`"
	switch p := c.Path(); {
	case strings.Contains(p, "chunk-upload"), strings.Contains(p, "/files/"), strings.Contains(p, "assemble"):
		detail = "this store takes no source maps and debug files: remove the upload"
	case strings.Contains(p, "/releases"), strings.Contains(p, "/repos"): // Commits begin with the repositories.
		detail = "this store needs no call for releases: a release is there when an event, session or span names it (`errata query releases`); commits, files and deploys are not kept"
	}
	return intake.Refuse(http.StatusNotImplemented, detail, "no_api", methodOf(c)+" "+cutText(c.Path(), 200))
}

// wrongMethod refuses what an address is not asked with. It stands behind all
// routes of the address.
func wrongMethod(c *fiber.Ctx) error {
	c.Set(fiber.HeaderAllow, "POST, GET, OPTIONS")
	return intake.Refuse(http.StatusMethodNotAllowed, "method not allowed", "method", methodOf(c)+" is not taken at "+cutText(c.Path(), 200)+", clients send POST")
}

// sentMethod holds the method of a request that was sent with one that the
// library does not know.
const sentMethod = "method"

// anyMethod has requests of unknown methods answered like those of known ones
// that no address takes: the library answers them with a plain text that no
// browser may read.
func anyMethod(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		if m := string(c.Method()); !slices.Contains(fiber.DefaultMethods, m) {
			c.SetUserValue(sentMethod, m)
			c.Request.Header.SetMethod(fiber.MethodTrace)
		}
		next(c)
	}
}

// methodOf is the method that a request was sent with.
func methodOf(c *fiber.Ctx) string {
	if m, ok := c.Locals(sentMethod).(string); ok {
		return cutText(m, 40)
	}
	return c.Method()
}

// readable refuses headers that a server in front may have read otherwise. The rest of
// such a connection may be anything.
func readable(c *fiber.Ctx) error {
	if why := framing.Refused(c.Request().Header.RawHeaders()); why != "" {
		c.Context().SetConnectionClose()
		return intake.Refuse(http.StatusBadRequest, "cannot read the HTTP request", "http", why)
	}
	return c.Next()
}

// fold makes one slash of several before routing.
func fold(c *fiber.Ctx) error {
	if p := c.Path(); strings.Contains(p, "//") {
		b := make([]byte, 0, len(p))
		for i := range len(p) {
			if p[i] != '/' || i == 0 || p[i-1] != '/' {
				b = append(b, p[i])
			}
		}
		if !bytes.Contains(b, []byte("//")) {
			c.Path(string(b))
		}
		return c.RestartRouting()
	}
	return c.Next()
}

// timed counts a handler's answers.
func (s *Server) timed(endpoint string, h fiber.Handler) fiber.Handler {
	seconds := s.metrics.Seconds.WithLabelValues(endpoint)
	ok := s.metrics.Requests.WithLabelValues(endpoint, "200")
	var others [600]prometheus.Counter
	for code := range others {
		if http.StatusText(code) != "" {
			others[code] = s.metrics.Requests.WithLabelValues(endpoint, strconv.Itoa(code))
		}
	}
	return func(c *fiber.Ctx) error {
		start := time.Now()
		if err := s.guarded(c, h); err != nil {
			if err := s.fail(c, err); err != nil {
				return err
			}
		}
		seconds.Observe(time.Since(start).Seconds())
		switch code := c.Response().StatusCode(); {
		case code == http.StatusOK:
			ok.Inc()
		case code < len(others) && others[code] != nil:
			others[code].Inc()
		}
		return nil
	}
}

// guarded turns a panic into an error: one request must never end the process.
func (s *Server) guarded(c *fiber.Ctx, h fiber.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a handler panicked", "path", c.Path(), "panic", p, "stack", string(debug.Stack()))
			s.metrics.Panics.Inc()
			err = intake.Refuse(http.StatusInternalServerError, "internal error", "panic")
		}
	}()
	return h(c)
}
