package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/inflate"
)

// smallBody is what any request may hold without asking: most bodies are
// smaller.
const smallBody = 64 << 10

// requestBody is an inflated body until Release.
type requestBody struct {
	Bytes    []byte
	s        *Server
	raw      []byte
	own      bool // raw is ours and not the server's.
	held     int64
	inflated *inflate.Body
}

// Release gives the memory back: Bytes must not be used after it.
func (b *requestBody) Release() {
	b.inflated.Release()
	if b.held > 0 {
		b.s.raw.Release(b.held)
	}
	if b.own {
		b.s.pool(b.raw)
	}
	b.Bytes, b.raw, b.held = nil, nil, 0
}

// body reads and inflates a request's body. It is read from the connection
// here, after the key was checked, and its memory grows with what really came:
// a length that is only claimed costs nothing. limit bounds the inflated bytes.
func (s *Server) body(c *fiber.Ctx, limit int64) (*requestBody, error) {
	encoding := c.Get(fiber.HeaderContentEncoding)
	if !inflate.Known(encoding) {
		return nil, fmt.Errorf("%w %q: use gzip, deflate, br or zstd", inflate.ErrEncoding, cutText(encoding, 40))
	}
	// Nothing shrinks below its raw size by much, so raw has the same limit.
	b := &requestBody{s: s}
	if err := s.readRaw(c, b, min(limit+1024, int64(s.cfg.MaxRequestBytes))); err != nil {
		b.Release()
		return nil, err
	}
	s.metrics.bytes.Add(float64(len(b.raw)))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var err error
	b.inflated, err = s.decoder.Decode(ctx, b.raw, encoding, limit)
	if err == nil {
		b.Bytes = b.inflated.Bytes
		return b, nil
	}
	b.Release()
	switch {
	case errors.Is(err, inflate.ErrTooLarge):
		return nil, tooLarge(limit)
	case errors.Is(err, inflate.ErrBusy), errors.Is(err, inflate.ErrEncoding):
		return nil, err
	}
	return nil, refuse(http.StatusBadRequest, "failed to decode the request body", "bad_encoding", err.Error())
}

// pool keeps small buffers for the next request.
func (s *Server) pool(b []byte) {
	if cap(b) == smallBody {
		s.buffers.Put(&b)
	}
}

func tooLarge(limit int64) error {
	return refuse(http.StatusRequestEntityTooLarge, "payload too large", "too_large", fmt.Sprintf("the body is over %d bytes, send less at once", limit))
}

// readRaw reads the body as sent into b.raw.
func (s *Server) readRaw(c *fiber.Ctx, b *requestBody, limit int64) error {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		b.raw = c.Request().Body()
		if int64(len(b.raw)) > limit {
			return tooLarge(limit)
		}
		return nil
	}
	declared := int64(c.Request().Header.ContentLength())
	if declared > limit {
		drain(stream)
		return tooLarge(limit)
	}
	b.own = true
	if p, ok := s.buffers.Get().(*[]byte); ok {
		b.raw = (*p)[:0]
	} else {
		b.raw = make([]byte, 0, smallBody)
	}
	for {
		if len(b.raw) == cap(b.raw) {
			if err := s.grow(b, declared, limit); err != nil {
				drain(stream)
				return err
			}
		}
		n, err := stream.Read(b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		if int64(len(b.raw)) > limit {
			drain(stream)
			return tooLarge(limit)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && (declared < 0 || int64(len(b.raw)) >= declared):
			return nil
		default:
			c.Context().SetConnectionClose()
			var slow net.Error
			if errors.As(err, &slow) && slow.Timeout() {
				return refuse(http.StatusRequestTimeout, "the request took too long", "timeout", "the body did not arrive in time")
			}
			return refuse(http.StatusBadRequest, "failed to read the request body", "bad_body", "the connection ended before the body did")
		}
	}
}

// drain reads on for a while without keeping anything: a client that is cut off
// while it sends sees a broken connection instead of the answer.
func drain(stream io.Reader) { _, _ = io.CopyN(io.Discard, stream, 32<<20) }

// grow doubles a buffer, never beyond what was declared or is allowed.
func (s *Server) grow(b *requestBody, declared, limit int64) error {
	size := min(2*int64(cap(b.raw)), limit+1)
	if declared >= 0 {
		size = min(size, declared+1)
	}
	if !s.raw.TryAcquire(size) {
		return errBusy
	}
	bigger := make([]byte, len(b.raw), size)
	copy(bigger, b.raw)
	if b.held > 0 {
		s.raw.Release(b.held)
	} else {
		s.pool(b.raw)
	}
	b.raw, b.held = bigger, size
	return nil
}
