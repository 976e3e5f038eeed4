package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/semaphore"

	"errata/ingest/inflate"
	"errata/ingest/intake"
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
	from     *semaphore.Weighted // What held was taken from.
	inflated *inflate.Body
	turn     func() // Gives back its place among the large bodies; nil where it has none.
}

// Release gives the memory back: Bytes must not be used after it.
func (b *requestBody) Release() {
	b.leave()
	b.inflated.Release()
	b.releaseRaw()
	b.Bytes = nil
}

func (b *requestBody) releaseRaw() {
	if b.held > 0 {
		b.from.Release(b.held)
	}
	if b.own {
		b.s.pool(b.raw)
	}
	b.raw, b.held, b.own = nil, 0, false
}

// leave lets the next large body take its turn.
func (b *requestBody) leave() {
	if b.turn != nil {
		b.turn()
		b.turn = nil
	}
}

// body reads and inflates a request's body. It is read from the connection
// here, after the key was checked, and its memory grows with what really came:
// a length that is only claimed costs nothing. limit bounds the inflated bytes.
func (s *Server) body(c *fiber.Ctx, limit int64) (*requestBody, error) {
	return s.watchedBody(c, limit, nil)
}

// watchedBody is body for a kind of which can be told early that it is too
// large.
func (s *Server) watchedBody(c *fiber.Ctx, limit int64, watch func() inflate.Watch) (*requestBody, error) {
	encoding := c.Get(fiber.HeaderContentEncoding)
	if !inflate.Known(encoding) {
		return nil, fmt.Errorf("%w %q: use %s", inflate.ErrEncoding, cutText(encoding, 40), inflate.Encodings)
	}
	// Nothing shrinks below its raw size by much, so raw has the same limit.
	b := &requestBody{s: s}
	look := func([]byte) error { return nil }
	if watch != nil && inflate.Plain(encoding) {
		look = watch()
	}
	if err := s.readRaw(c, b, min(limit+1024, int64(s.cfg.MaxRequestBytes)), look); err != nil {
		b.Release()
		return nil, err
	}
	s.metrics.bytes.Add(float64(len(b.raw)))
	ctx := context.Background()
	if encoding != "" {
		// A body as it is waits for nobody, and a deadline costs a timer.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, heavyWait+time.Second)
		defer cancel()
	}
	var err error
	b.inflated, err = s.decoder.Decode(ctx, b.raw, encoding, limit, watch)
	if err == nil {
		b.Bytes, b.turn = b.inflated.Bytes, b.inflated.Turn()
		if !inflate.Plain(encoding) {
			b.releaseRaw()
		}
		return b, nil
	}
	b.Release()
	if e := (*intake.Error)(nil); errors.As(err, &e) {
		return nil, err
	}
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
func (s *Server) readRaw(c *fiber.Ctx, b *requestBody, limit int64, look inflate.Watch) error {
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
		s.drain(stream)
		return tooLarge(limit)
	}
	b.own = true
	if p, ok := s.buffers.Get().(*[]byte); ok {
		b.raw = (*p)[:0]
	} else {
		b.raw = make([]byte, 0, smallBody)
	}
	looked := 0
	for {
		if len(b.raw) == cap(b.raw) {
			var err error
			if len(b.raw) >= largeBody {
				err, looked = look(b.raw[looked:]), len(b.raw)
			}
			if err == nil {
				err = s.grow(b, declared, limit)
			}
			if err != nil {
				s.drain(stream)
				return err
			}
		}
		n, err := stream.Read(b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		if int64(len(b.raw)) > limit {
			s.drain(stream)
			return tooLarge(limit)
		}
		if len(b.raw) > inflate.HeavyBytes {
			s.pace.wait(n)
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

// drain reads on without keeping anything, up to twice the largest body: a client
// that is cut off while it sends sees a broken connection instead of the answer.
func (s *Server) drain(stream io.Reader) {
	buf := make([]byte, 32<<10)
	for left := 2 * s.cfg.MaxRequestBytes; left > 0; {
		n, err := stream.Read(buf)
		if err != nil {
			return
		}
		left -= n
		s.pace.wait(n)
	}
}

// pace spreads large bodies over time: all of them together are read at
// largeRate, so that the reading takes a part of the cores and not all.
type pace struct {
	mu   sync.Mutex
	next time.Time // When what was read so far is paid for.
}

const (
	largeBody = 1 << 20
	// declaredBody bounds what a client gets for a length that it claims.
	declaredBody = 16 << 20
	largeRate    = 256 << 20 // Bytes a second.
)

// wait waits until n more bytes may have been read.
func (p *pace) wait(n int) {
	now := time.Now()
	p.mu.Lock()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(n) * time.Second / largeRate)
	rest := p.next.Sub(now)
	p.mu.Unlock()
	if rest > time.Millisecond { // A shorter sleep takes as long.
		time.Sleep(rest)
	}
}

// grow doubles a buffer, never beyond what was declared or is allowed.
func (s *Server) grow(b *requestBody, declared, limit int64) error {
	size, from := min(2*int64(cap(b.raw)), limit+1), s.raw
	if declared >= 0 {
		size = min(size, declared+1)
	}
	if size > largeBody {
		// Those that came so far get what they declared at once: many that grow side
		// by side would leave each other too little, and much garbage.
		from = s.rawLarge
		if declared >= 0 && declared < declaredBody {
			size = declared + 1
		}
	}
	held := b.held
	if b.from == from {
		if !from.TryAcquire(size - held) {
			return errBusy
		}
	} else {
		if !from.TryAcquire(size) {
			return errBusy
		}
		if held > 0 {
			b.from.Release(held)
		}
	}
	b.held, b.from = size, from
	bigger := make([]byte, len(b.raw), size)
	copy(bigger, b.raw)
	if held == 0 {
		s.pool(b.raw)
	}
	b.raw = bigger
	return nil
}
