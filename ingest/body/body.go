// Package body reads the bodies of requests within the memory and the share of
// the cores that all of them have together. In: a request whose key was checked.
// Out: its inflated bytes, until Release. What is too large, too slow or too much
// at once is refused with an answer for the client.
package body

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
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

// heavyWait is how long a large body waits for its turn before the client is
// told to come again.
const heavyWait = 5 * time.Second

// ErrBusy says that the edge itself has no room now.
var ErrBusy = &intake.Error{Status: http.StatusServiceUnavailable, Detail: "the edge is busy", Reason: "busy"}

// Config bounds what a Reader takes.
type Config struct {
	Folder      string        // Where large bodies are while they are read.
	MaxRaw      int64         // Bytes of a body as sent.
	MaxBytes    int64         // Bytes of the largest body, inflated.
	SmallBytes  int64         // Memory for inflated bodies up to 4 MiB, together.
	Turns       int           // Large bodies that are inflated or read at once.
	ReadTimeout time.Duration // Of a request; large ones get more as they come.
	Logger      *slog.Logger
	Came        func(n int) // Told of the bytes of each body as sent.
}

// Reader reads bodies.
type Reader struct {
	cfg     Config
	decoder *inflate.Decoder
	small   *room     // Bytes of bodies as sent up to 1 MiB that are held.
	large   *room     // The same of larger ones.
	disk    *room     // Bytes of the largest bodies, which are in files.
	heavy   *room     // Places for large bodies to be inflated and read.
	buffers sync.Pool // Of *[]byte for small bodies.
	pace    pace
}

// room is what all bodies share.
type room struct {
	*semaphore.Weighted
	size int64
}

func newRoom(size int64) *room { return &room{semaphore.NewWeighted(size), size} }

// New returns a Reader.
func New(c Config) *Reader {
	memory := min(c.MaxRaw, rawBytes)
	r := &Reader{
		cfg: c, small: newRoom(max(2*largeBody, memory/2)), large: newRoom(memory + largeBody), disk: newRoom(max(diskBodies, c.MaxBytes)), heavy: newRoom(int64(c.Turns)),
	}
	r.decoder = inflate.New(c.SmallBytes, c.MaxBytes, r.heavy.Weighted)
	r.decoder.OnDisk(c.Folder, largestInMemory, r.disk.Weighted)
	return r
}

// Idle tells whether all memory, files and turns were given back.
func (r *Reader) Idle() bool {
	for _, of := range []*room{r.small, r.large, r.disk, r.heavy} {
		if !of.TryAcquire(of.size) {
			return false
		}
		of.Release(of.size)
	}
	return true
}

// Body is an inflated body until Release. The zero value is an empty one.
type Body struct {
	Bytes    []byte
	r        *Reader
	raw      []byte
	own      bool          // raw is ours and not the server's.
	file     *mapping.File // What raw is mapped from; nil where it is in memory.
	held     int64
	from     *room // What held was taken from.
	inflated *inflate.Body
	turn     func() // Gives back its place among the large bodies; nil where it has none.
}

// Release gives the memory back: Bytes must not be used after it.
func (b *Body) Release() {
	b.Leave()
	b.inflated.Release()
	b.releaseRaw()
	b.Bytes = nil
}

func (b *Body) releaseRaw() {
	b.file.Close()
	if b.held > 0 {
		b.from.Release(b.held)
	}
	if b.own {
		b.r.pool(b.raw)
	}
	b.raw, b.file, b.held, b.own = nil, nil, 0, false
}

// Turn takes a place among the large bodies that are read at once, where this is
// one and has none yet: one that was inflated has its own. Fails with ErrBusy.
func (r *Reader) Turn(b *Body) error {
	if b.turn != nil || len(b.Bytes) <= inflate.HeavyBytes {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), heavyWait)
	defer cancel()
	if r.heavy.Acquire(ctx, 1) != nil {
		return ErrBusy
	}
	b.turn = func() { r.heavy.Release(1) }
	return nil
}

// Large tells whether the body has a place among the large ones.
func (b *Body) Large() bool { return b.turn != nil }

// Leave lets the next large body take its turn.
func (b *Body) Leave() {
	if b.turn != nil {
		b.turn()
		b.turn = nil
	}
}

// Read reads and inflates a request's body. It is read from the connection
// here, after the key was checked, and its memory grows with what really came:
// a length that is only claimed costs nothing. limit bounds the inflated bytes.
// watch, unless nil, is for a kind of which can be told early that it is too
// large.
func (r *Reader) Read(c *fiber.Ctx, limit int64, watch func() inflate.Watch) (*Body, error) {
	encoding := c.Get(fiber.HeaderContentEncoding)
	if !inflate.Known(encoding) {
		return nil, fmt.Errorf("%w %.40q: use %s", inflate.ErrEncoding, encoding, inflate.Encodings)
	}
	b := &Body{r: r}
	in := incoming{c: c, stream: c.Context().RequestBodyStream(), declared: int64(c.Request().Header.ContentLength())}
	// Nothing shrinks below its raw size by much, so raw has the same limit.
	in.limit = min(limit+1024, r.cfg.MaxRaw)
	if inflate.Plain(encoding) {
		in.limit = min(limit, in.limit)
		in.watch = watch
	}
	if err := r.readRaw(&in, b); err != nil {
		b.Release()
		return nil, err
	}
	r.cfg.Came(len(b.raw))
	ctx := context.Background()
	if encoding != "" {
		// A body as it is waits for nobody, and a deadline costs a timer.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, heavyWait+time.Second)
		defer cancel()
	}
	var err error
	b.inflated, err = r.decoder.Decode(ctx, b.raw, encoding, limit, watch)
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
		return nil, TooLarge(limit)
	case errors.Is(err, inflate.ErrBusy), errors.Is(err, inflate.ErrEncoding):
		return nil, err
	case errors.Is(err, mapping.ErrDisk):
		return nil, r.diskError(err)
	}
	return nil, intake.Refuse(http.StatusBadRequest, "failed to decode the request body", "bad_encoding", err.Error())
}

// Inflate inflates what a body holds, as a crash handler's dump. Fails as
// inflate.Decoder does.
func (r *Reader) Inflate(data []byte, encoding string) (*inflate.Body, error) {
	ctx, cancel := context.WithTimeout(context.Background(), heavyWait+time.Second)
	defer cancel()
	return r.decoder.Decode(ctx, data, encoding, r.cfg.MaxBytes, nil)
}

// Paced cuts a blob into parts. Large ones are written as they are read: at a
// rate that leaves others their share.
func (r *Reader) Paced(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for part := range mapping.Parts(data) {
			if !yield(part) {
				return
			}
			if len(data) > inflate.HeavyBytes {
				r.pace.wait(len(part))
			}
		}
	}
}

// pool keeps small buffers for the next request.
func (r *Reader) pool(b []byte) {
	if cap(b) == smallBody {
		r.buffers.Put(&b)
	}
}

// TooLarge refuses a body over limit bytes.
func TooLarge(limit int64) error {
	return intake.Refuse(http.StatusRequestEntityTooLarge, "payload too large", "too_large", fmt.Sprintf("the body is over %d bytes, send less at once", limit))
}
