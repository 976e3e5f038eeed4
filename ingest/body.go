package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/semaphore"

	"errata/ingest/inflate"
	"errata/ingest/intake"
	"errata/ingest/mapping"
)

// smallBody is what any request may hold without asking: most bodies are
// smaller.
const smallBody = 64 << 10

// largestInMemory is where a body goes on in a file, as it came or inflated. It
// also bounds what a client gets for a length that it claims.
const largestInMemory = 16 << 20

const (
	// rawBytes is the memory of all others as they came, together.
	rawBytes = 64 << 20
	// diskBodies is the bytes of all such files together.
	diskBodies = 512 << 20
)

// requestBody is an inflated body until Release.
type requestBody struct {
	Bytes    []byte
	s        *Server
	raw      []byte
	own      bool          // raw is ours and not the server's.
	file     *mapping.File // What raw is mapped from; nil where it is in memory.
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
	b.file.Close()
	if b.held > 0 {
		b.from.Release(b.held)
	}
	if b.own {
		b.s.pool(b.raw)
	}
	b.raw, b.file, b.held, b.own = nil, nil, 0, false
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
	b := &requestBody{s: s}
	in := incoming{c: c, stream: c.Context().RequestBodyStream(), declared: int64(c.Request().Header.ContentLength())}
	// Nothing shrinks below its raw size by much, so raw has the same limit.
	in.limit = min(limit+1024, int64(s.cfg.MaxRequestBytes))
	if inflate.Plain(encoding) {
		in.limit = min(limit, in.limit)
		in.watch = watch
	}
	if err := s.readRaw(&in, b); err != nil {
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
	case errors.Is(err, mapping.ErrDisk):
		return nil, s.diskError(err)
	}
	return nil, intake.Refuse(http.StatusBadRequest, "failed to decode the request body", "bad_encoding", err.Error())
}

// pool keeps small buffers for the next request.
func (s *Server) pool(b []byte) {
	if cap(b) == smallBody {
		s.buffers.Put(&b)
	}
}

func tooLarge(limit int64) error {
	return intake.Refuse(http.StatusRequestEntityTooLarge, "payload too large", "too_large", fmt.Sprintf("the body is over %d bytes, send less at once", limit))
}

// incoming is a body on its way.
type incoming struct {
	c        *fiber.Ctx
	stream   io.Reader
	declared int64                // Content-Length; negative where none is told.
	limit    int64                // Bytes.
	watch    func() inflate.Watch // Nil where nothing is to be told early.
	watching inflate.Watch        // What watch gave; nil until a body is large enough to be looked at.
	got      int64
	extended int64 // What of got the connection has its deadline for.
	start    time.Time
}

// look says what can be told early of the body, whose next part this is.
func (in *incoming) look(part []byte) error {
	if in.watch == nil {
		return nil
	}
	if in.watching == nil {
		in.watching = in.watch()
	}
	return in.watching(part)
}

// read reads a part and reports whether it was the last one.
func (s *Server) read(in *incoming, b []byte) (n int, last bool, err error) {
	n, err = in.stream.Read(b)
	in.got += int64(n)
	if in.got > in.limit {
		return n, false, tooLarge(in.limit)
	}
	if in.got > inflate.HeavyBytes {
		s.pace.wait(n)
	}
	if in.got-in.extended >= largestInMemory {
		// Who sends much has more time, as long as it comes.
		in.extended = in.got
		_ = in.c.Context().Conn().SetReadDeadline(in.start.Add(s.cfg.ReadTimeout + time.Duration(in.got)*time.Second/slowestRate))
	}
	switch {
	case err == nil:
		return n, false, nil
	case errors.Is(err, io.EOF) && (in.declared < 0 || in.got >= in.declared):
		return n, true, nil
	}
	in.c.Context().SetConnectionClose()
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return n, false, intake.Refuse(http.StatusRequestTimeout, "the request took too long", "timeout", "the body did not arrive in time")
	}
	return n, false, intake.Refuse(http.StatusBadRequest, "failed to read the request body", "bad_body", "the connection ended before the body did")
}

// readRaw reads the body as sent into b.raw.
func (s *Server) readRaw(in *incoming, b *requestBody) error {
	if in.stream == nil {
		b.raw = in.c.Request().Body()
		if int64(len(b.raw)) > in.limit {
			return tooLarge(in.limit)
		}
		return nil
	}
	err := error(nil)
	if in.start = time.Now(); in.declared > in.limit {
		err = tooLarge(in.limit)
	} else {
		err = s.readInto(in, b)
	}
	if e := (*intake.Error)(nil); errors.As(err, &e) && e.Status != http.StatusBadRequest && e.Status != http.StatusRequestTimeout {
		b.releaseRaw() // Others may have it while the rest comes.
		s.drain(in.stream)
	}
	return err
}

func (s *Server) readInto(in *incoming, b *requestBody) error {
	b.own = true
	if p, ok := s.buffers.Get().(*[]byte); ok {
		b.raw = (*p)[:0]
	} else {
		b.raw = make([]byte, 0, smallBody)
	}
	looked := 0
	for {
		if len(b.raw) == cap(b.raw) {
			if len(b.raw) >= largeBody {
				if err := in.look(b.raw[looked:]); err != nil {
					return err
				}
				looked = len(b.raw)
			}
			if len(b.raw) >= largestInMemory {
				return s.readToDisk(in, b)
			}
			if err := s.grow(b, in.declared, in.limit); err != nil {
				return err
			}
		}
		n, last, err := s.read(in, b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		if err != nil || last {
			return err
		}
	}
}

// readToDisk goes on with a body that gets too large for memory.
func (s *Server) readToDisk(in *incoming, b *requestBody) error {
	size, from := in.limit, s.disk
	if in.declared >= 0 {
		size = in.declared
	}
	if !from.TryAcquire(size) {
		return errBusy
	}
	file, err := mapping.New(s.bodyFolder())
	if err == nil {
		_, err = file.Write(b.raw)
	}
	b.releaseRaw()
	b.file, b.held, b.from = file, size, from
	buf := make([]byte, largeBody)
	for last := false; err == nil && !last; {
		n := 0
		n, last, err = s.read(in, buf)
		if err == nil {
			err = in.look(buf[:n])
		}
		if err == nil {
			_, err = file.Write(buf[:n])
		}
	}
	if err == nil {
		b.raw, err = file.Map()
	}
	return s.diskError(err)
}

// bodyFolder is where large bodies are while they are read.
func (s *Server) bodyFolder() string { return filepath.Join(s.cfg.Data, "bodies") }

// diskError tells the client of a disk that is full to come again.
func (s *Server) diskError(err error) error {
	if !errors.Is(err, mapping.ErrDisk) {
		return err
	}
	s.log.Error("cannot hold a large body", "error", err)
	return intake.Refuse(http.StatusServiceUnavailable, "the store cannot keep a body as large now", "unavailable", "the edge's disk refused a write")
}

// drain reads on without keeping anything, up to a little more than the largest
// body: a client that is cut off while it sends sees a broken connection instead
// of the answer.
func (s *Server) drain(stream io.Reader) {
	buf := make([]byte, 32<<10)
	for left := int(s.cfg.MaxEnvelopeBytes) + rawBytes; left > 0; {
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
	largeBody   = 1 << 20
	largeRate   = 256 << 20 // Bytes a second.
	slowestRate = 2 << 20   // The same, of what a large body has time for.
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
		if declared >= 0 && declared < largestInMemory {
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
