// Package reply is how the edge answers: with an id, with leave for browsers to read
// it, or with a refusal in the words of the Sentry protocol. In: errors of all
// that a request meets. Out: a status, sentences, and how long to wait. It decides
// over nothing.
package reply

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/body"
	"errata/ingest/inflate"
	"errata/ingest/intake"
	"errata/ingest/judge"
	"errata/ingest/sentry/tree"
	"errata/ingest/topic"
)

// MaxHeaderBytes is what the headers of a request may have together.
const MaxHeaderBytes = 16 << 10

// Headers of the Sentry protocol.
const (
	HeaderRateLimits = "X-Sentry-Rate-Limits"
	HeaderError      = "X-Sentry-Error"
)

// To turns any error into a status, sentences and how long to wait.
func To(err error) (*intake.Error, time.Duration) {
	var e *intake.Error
	var away *topic.ErrUnavailable
	var l *judge.Limited
	var f *fiber.Error
	// Those that know how long to wait come first: gRPC joins them to what it
	// answers.
	switch {
	case errors.As(err, &l):
		return intake.Refuse(http.StatusTooManyRequests, "Sentry dropped data due to a quota or internal rate limit being reached", "rate_limited", l.Error()), l.RetryAfter
	case errors.As(err, &away):
		return intake.Refuse(http.StatusServiceUnavailable, "the store cannot keep events now", "unavailable", away.Reason), away.RetryAfter
	case errors.As(err, &e):
		if e.Status == http.StatusServiceUnavailable {
			return e, time.Second
		}
		return e, 0
	case errors.Is(err, inflate.ErrTooLarge):
		return intake.Refuse(http.StatusRequestEntityTooLarge, "payload too large", "too_large", err.Error()), 0
	case errors.Is(err, inflate.ErrBusy):
		return body.ErrBusy, time.Second
	case errors.Is(err, inflate.ErrEncoding):
		return intake.Refuse(http.StatusUnsupportedMediaType, "unsupported content encoding", "encoding", err.Error()), 0
	case errors.As(err, &f) && f.Code == http.StatusBadRequest:
		// The library quotes what it read, headers with credentials among it.
		return intake.Refuse(f.Code, "cannot read the HTTP request", "http", "its request line or a header is malformed, or the connection ended in the middle of it"), 0
	case errors.As(err, &f) && f.Code == http.StatusRequestHeaderFieldsTooLarge:
		return intake.Refuse(f.Code, "headers too long", "http", "the headers of a request have at most "+strconv.Itoa(MaxHeaderBytes>>10)+" KiB together: send fewer or shorter ones, baggage and cookies are the longest"), 0
	case errors.As(err, &f):
		return intake.Refuse(f.Code, f.Message, "http"), 0
	}
	return intake.Refuse(http.StatusInternalServerError, "internal error", "internal"), 0
}

// Body is a refusal as {"detail","causes"}.
func Body(e *intake.Error) []byte {
	b := append([]byte(`{"detail":`), quote(e.Detail)...)
	if len(e.Causes) > 0 {
		b = append(b, `,"causes":[`...)
		for i, cause := range e.Causes {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, quote(cause)...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func quote(s string) []byte { return tree.AppendString(nil, s) }

// Seconds is a wait as Retry-After has it. It rounds up: a client that comes back early is refused again.
func Seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}

const (
	corsAllow  = "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, authentication, authorization, content-encoding, transfer-encoding, x-errata-key, sentry-trace, baggage, traceparent, tracestate"
	corsExpose = "x-sentry-error, x-sentry-rate-limits, retry-after"
)

// As the library keeps them: every answer has them.
var (
	corsOrigin, corsAny           = []byte(fiber.HeaderAccessControlAllowOrigin), []byte("*")
	corsExposed, corsExposedNames = []byte(fiber.HeaderAccessControlExposeHeaders), []byte(corsExpose)
)

// CORS lets browsers of any origin read the answer; a project's own
// allowed_origins are checked when its key is known.
func CORS(c *fiber.Ctx) {
	h := &c.Response().Header
	h.SetCanonical(corsOrigin, corsAny)
	h.SetCanonical(corsExposed, corsExposedNames)
}

// Preflight answers OPTIONS.
func Preflight(c *fiber.Ctx) error {
	CORS(c)
	c.Set(fiber.HeaderAccessControlAllowMethods, "POST, GET, OPTIONS")
	c.Set(fiber.HeaderAccessControlAllowHeaders, corsAllow)
	c.Set(fiber.HeaderAccessControlMaxAge, "3600")
	return c.SendStatus(http.StatusNoContent)
}

// ID writes {"id":"..."}, or {} where no item has an id.
func ID(c *fiber.Ctx, eventID string) error {
	CORS(c)
	r := c.Response()
	r.Header.SetContentType(fiber.MIMEApplicationJSON)
	r.ResetBody()
	if eventID == "" {
		r.AppendBodyString("{}")
		return nil
	}
	r.AppendBodyString(`{"id":"`)
	r.AppendBodyString(eventID)
	r.AppendBodyString(`"}`)
	return nil
}

// Pixel is the GIF that GET store answers with.
var Pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
