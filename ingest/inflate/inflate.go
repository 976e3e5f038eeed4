// Package inflate turns request bodies as they came into what was meant, within
// bounds. In: raw bytes and a Content-Encoding. Out: the inflated bytes, or why
// not. A body that inflates beyond its limit costs time up to the limit and no
// memory: a large one is first counted, then read. It never trusts a size that
// the sender wrote.
package inflate

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"golang.org/x/sync/semaphore"
)

// Reasons for having no body.
var (
	// ErrTooLarge says that the inflated body is beyond its limit.
	ErrTooLarge = errors.New("the inflated body is too large")
	// ErrBusy says that the memory for bodies is taken; try again in a moment.
	ErrBusy = errors.New("too many bytes are being read at once")
	// ErrEncoding says that the Content-Encoding is not known.
	ErrEncoding = errors.New("unknown content encoding")
)

// Encodings are those that Known knows, for people.
const Encodings = "gzip, deflate, br, zstd, snappy or lz4"

// HeavyBytes is the size from which on a body is work that others notice.
const HeavyBytes = 256 << 10

// heavyWait is how long a body waits for its turn.
const heavyWait = 5 * time.Second

const (
	firstBytes = 64 << 10
	// Bodies up to smallBytes are read in one pass into a pooled buffer.
	smallBytes = 4 << 20
	// No honest body of more than smallBytes shrinks this well; a bomb does.
	maxRatio = 400
)

// Decoder inflates bodies. It is safe for concurrent use.
type Decoder struct {
	small, large         *semaphore.Weighted // Bytes.
	slots, heavy         *semaphore.Weighted // Decoders at work.
	smallTotal, largeMax int64
	buffers              sync.Pool
	gzips, zlibs, flates sync.Pool
	brotlis, zstds       sync.Pool
	snappys, lz4s        sync.Pool
}

// New bounds the memory of all bodies up to 4 MiB together by small bytes, and
// of all larger ones by large bytes. Bodies over HeavyBytes are inflated by as
// many at a time as heavy has places; nil means half of the cores.
func New(small, large int64, heavy *semaphore.Weighted) *Decoder {
	n := int64(runtime.GOMAXPROCS(0))
	if heavy == nil {
		heavy = semaphore.NewWeighted(max(1, n/2))
	}
	return &Decoder{
		small: semaphore.NewWeighted(small), large: semaphore.NewWeighted(large),
		slots: semaphore.NewWeighted(4 * n), heavy: heavy,
		smallTotal: small, largeMax: large,
	}
}

// Body is the inflated bytes until Release.
type Body struct {
	Bytes []byte
	d     *Decoder
	buf   *bytes.Buffer
	held  int64
	big   bool
	leave func() // Gives back the place among the heavy; nil where it has none.
}

// Turn hands over the place among the heavy that a body over HeavyBytes has
// while it lives, nil for others: whoever reads it goes on in that place, so that
// inflated bodies do not pile up before the next one. Without Turn, Release gives
// it back.
func (b *Body) Turn() (leave func()) {
	if b == nil {
		return nil
	}
	leave, b.leave = b.leave, nil
	return leave
}

// Release gives the memory back: Bytes must not be used after it.
func (b *Body) Release() {
	if b == nil || b.d == nil {
		return
	}
	if b.leave != nil {
		b.leave()
	}
	if b.held > 0 {
		if b.big {
			b.d.large.Release(b.held)
		} else {
			b.d.small.Release(b.held)
		}
	}
	if b.buf != nil && b.buf.Cap() <= 1<<20 {
		b.d.buffers.Put(b.buf)
	}
	b.Bytes, b.buf, b.d, b.leave = nil, nil, nil, nil
}

// Known reports whether a Content-Encoding can be read; empty, identity and
// UTF-8 mean no encoding (sentry-ruby and old Android clients send them).
func Known(encoding string) bool {
	_, ok := normal(encoding)
	return ok
}

// Plain reports whether a Content-Encoding means none.
func Plain(encoding string) bool {
	e, _ := normal(encoding)
	return e == ""
}

// normal returns the name of an encoding. Of a list, all but one must mean
// nothing: proxies write gzip, identity.
func normal(encoding string) (string, bool) {
	first, rest, list := strings.Cut(encoding, ",")
	if list {
		a, known := normal(first)
		b, all := normal(rest)
		switch {
		case !known || !all || a != "" && b != "":
			return encoding, false
		case a == "":
			return b, true
		}
		return a, true
	}
	switch e := strings.ToLower(strings.TrimSpace(encoding)); e {
	case "", "identity", "utf-8", "utf8":
		return "", true
	case "gzip", "x-gzip":
		return "gzip", true
	case "snappy", "x-snappy-framed":
		return "snappy", true
	case "zlib":
		return "deflate", true
	case "deflate", "br", "zstd", "lz4":
		return e, true
	default:
		return e, false
	}
}

// Watch looks at a body while it is inflated, a part at a time, and says where
// there is no use in more of it. Each pass over a body has one of its own.
type Watch func(part []byte) error

// Decode returns raw inflated to at most limit bytes. Without an encoding the
// body is raw itself. watch makes the Watch of a pass; nil means none. Its error
// is returned as it is.
func (d *Decoder) Decode(ctx context.Context, raw []byte, encoding string, limit int64, watch func() Watch) (*Body, error) {
	e, ok := normal(encoding)
	if !ok {
		return nil, fmt.Errorf("%w %q: use %s", ErrEncoding, e, Encodings)
	}
	if e == "" {
		if int64(len(raw)) > limit {
			return nil, ErrTooLarge
		}
		return &Body{Bytes: raw}, nil
	}
	if len(raw) == 0 {
		return &Body{}, nil
	}
	if watch == nil {
		watch = func() Watch { return func([]byte) error { return nil } }
	}
	if snappyBlock(raw, e) {
		return d.readBlock(ctx, raw, limit, watch())
	}
	body, more, err := d.readSmall(ctx, raw, e, limit, watch())
	if err != nil || !more {
		return body, err
	}
	return d.readLarge(ctx, raw, e, limit, watch())
}

// turn waits for one of the places of heavy work.
func (d *Decoder) turn(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, heavyWait)
	defer cancel()
	if err := d.heavy.Acquire(ctx, 1); err != nil {
		return nil, ErrBusy
	}
	return func() { d.heavy.Release(1) }, nil
}

// readSmall inflates up to smallBytes; more says that there is more.
func (d *Decoder) readSmall(ctx context.Context, raw []byte, encoding string, limit int64, watch Watch) (b *Body, more bool, err error) {
	if err := d.slots.Acquire(ctx, 1); err != nil {
		return nil, false, ErrBusy
	}
	leave := func() { d.slots.Release(1) }
	defer func() { leave() }()
	r, put, err := d.reader(raw, encoding)
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	defer put()
	buf, _ := d.buffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = bytes.NewBuffer(make([]byte, 0, firstBytes))
	}
	buf.Reset()
	b = &Body{d: d, buf: buf}
	stop := min(limit, smallBytes)
	looked, heavy := 0, false
	for {
		if buf.Available() == 0 {
			// A large part at a time: what looks at a body costs little then.
			if err := watch(buf.Bytes()[looked:]); err != nil {
				b.Release()
				return nil, false, err
			}
			looked = buf.Len()
			if !heavy && looked >= HeavyBytes {
				// Small bodies do not wait behind those that wait for a turn.
				leave()
				leave = func() {}
				done, err := d.turn(ctx)
				if err != nil {
					b.Release()
					return nil, false, err
				}
				leave, heavy = done, true
			}
			grow := int64(buf.Cap())
			if !d.small.TryAcquire(2 * grow) {
				b.Release()
				return nil, false, ErrBusy
			}
			if b.held > 0 {
				d.small.Release(b.held)
			}
			b.held = 2 * grow
			buf.Grow(int(grow))
		}
		n, err := r.Read(buf.AvailableBuffer()[:buf.Available()])
		if n > 0 {
			_, _ = buf.Write(buf.AvailableBuffer()[:n])
		}
		if int64(buf.Len()) > stop {
			b.Release()
			if stop == limit {
				return nil, false, ErrTooLarge
			}
			return nil, true, nil
		}
		if errors.Is(err, io.EOF) {
			b.Bytes = buf.Bytes()
			if heavy {
				b.leave, leave = leave, func() {}
			}
			return b, false, nil
		}
		if err != nil {
			b.Release()
			return nil, false, fmt.Errorf("cannot read %s: %w", encoding, err)
		}
	}
}

// readLarge counts first, so that a bomb never gets memory, then reads.
func (d *Decoder) readLarge(ctx context.Context, raw []byte, encoding string, limit int64, watch Watch) (*Body, error) {
	done, err := d.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { done() }()
	stop := min(limit, d.largeMax, max(int64(len(raw))*maxRatio, smallBytes))
	r, put, err := d.reader(raw, encoding)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	size, err := io.Copy(&watcher{watch: watch}, io.LimitReader(r, stop+1))
	put()
	if seen, ok := errors.AsType[*watched](err); ok {
		return nil, seen.error
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	if size > stop {
		return nil, ErrTooLarge
	}
	if !d.large.TryAcquire(size) {
		return nil, ErrBusy
	}
	b := &Body{d: d, held: size, big: true}
	if r, put, err = d.reader(raw, encoding); err != nil {
		b.Release()
		return nil, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	defer put()
	b.Bytes = make([]byte, size)
	if _, err := io.ReadFull(r, b.Bytes); err != nil {
		b.Release()
		return nil, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	b.leave, done = done, func() {}
	return b, nil
}

// watcher discards what was looked at.
type watcher struct{ watch Watch }

// watched tells the error of a Watch from one of the encoding.
type watched struct{ error }

func (w *watcher) Write(b []byte) (int, error) {
	if err := w.watch(b); err != nil {
		return 0, &watched{err}
	}
	return len(b), nil
}

// reader returns a pooled decoder over raw.
func (d *Decoder) reader(raw []byte, encoding string) (io.Reader, func(), error) {
	src := bytes.NewReader(raw)
	switch encoding {
	case "gzip":
		z, _ := d.gzips.Get().(*gzip.Reader)
		if z == nil {
			z = new(gzip.Reader)
		}
		if err := z.Reset(src); err != nil {
			return nil, nil, err
		}
		return z, func() { d.gzips.Put(z) }, nil
	case "deflate":
		// The name means zlib, and some clients send the bare stream.
		if len(raw) >= 2 && raw[0]&0x0f == 8 && (uint(raw[0])<<8|uint(raw[1]))%31 == 0 {
			z, _ := d.zlibs.Get().(io.ReadCloser)
			var err error
			if z == nil {
				z, err = zlib.NewReader(src)
			} else {
				err = z.(zlib.Resetter).Reset(src, nil)
			}
			if err != nil {
				return nil, nil, err
			}
			return z, func() { d.zlibs.Put(z) }, nil
		}
		f, _ := d.flates.Get().(io.ReadCloser)
		if f == nil {
			f = flate.NewReader(bufio.NewReader(src))
		} else if err := f.(flate.Resetter).Reset(src, nil); err != nil {
			return nil, nil, err
		}
		return f, func() { d.flates.Put(f) }, nil
	case "br":
		b, _ := d.brotlis.Get().(*brotli.Reader)
		if b == nil {
			b = brotli.NewReader(src)
		} else if err := b.Reset(src); err != nil {
			return nil, nil, err
		}
		return b, func() { d.brotlis.Put(b) }, nil
	case "snappy":
		z, _ := d.snappys.Get().(*s2.Reader)
		if z == nil {
			z = s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10)) // No frame of snappy has more.
		}
		z.Reset(src)
		return z, func() { d.snappys.Put(z) }, nil
	case "lz4":
		z, _ := d.lz4s.Get().(*lz4.Reader)
		if z == nil {
			z = lz4.NewReader(src)
		} else {
			z.Reset(src)
		}
		return z, func() { d.lz4s.Put(z) }, nil
	default:
		z, _ := d.zstds.Get().(*zstd.Decoder)
		if z == nil {
			var err error
			// One goroutine, and a window that no sender may widen.
			if z, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20)); err != nil {
				return nil, nil, err
			}
		} else if err := z.Reset(src); err != nil {
			return nil, nil, err
		}
		return z, func() { d.zstds.Put(z) }, nil
	}
}
