// Package inflate turns request bodies as they came into what was meant, within
// bounds. In: raw bytes and a Content-Encoding. Out: the inflated bytes, or why
// not. A body that inflates beyond its limit costs time up to the limit and no
// memory: a large one is first counted, then read. It never trusts a size that
// the sender wrote.
package inflate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"errata/ingest/mapping"
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

	dir      string              // For bodies that are held on disk.
	fileFrom int64               // Bytes from which on they are.
	disk     *semaphore.Weighted // Bytes of theirs.
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

// OnDisk holds bodies of from bytes and more in files in dir instead of memory,
// as long as there is room on disk.
func (d *Decoder) OnDisk(dir string, from int64, disk *semaphore.Weighted) {
	d.dir, d.fileFrom, d.disk = dir, from, disk
}

// Body is the inflated bytes until Release.
type Body struct {
	Bytes []byte
	d     *Decoder
	buf   *bytes.Buffer
	file  *mapping.File
	held  int64
	from  *semaphore.Weighted // What held was taken from.
	leave func()              // Gives back the place among the heavy; nil where it has none.
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
	b.file.Close()
	if b.held > 0 {
		b.from.Release(b.held)
	}
	if b.buf != nil && b.buf.Cap() <= 1<<20 {
		b.d.buffers.Put(b.buf)
	}
	b.Bytes, b.buf, b.d, b.leave = nil, nil, nil, nil
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
	b = &Body{d: d, buf: buf, from: d.small}
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
	from := d.large
	if d.disk != nil && size >= d.fileFrom {
		from = d.disk
	}
	if !from.TryAcquire(size) {
		return nil, ErrBusy
	}
	b := &Body{d: d, held: size, from: from}
	if r, put, err = d.reader(raw, encoding); err != nil {
		b.Release()
		return nil, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	defer put()
	if b.Bytes, err = d.fill(b, r, size); err != nil {
		b.Release()
		if errors.Is(err, mapping.ErrDisk) {
			return nil, err
		}
		return nil, fmt.Errorf("cannot read %s: %w", encoding, err)
	}
	b.leave, done = done, func() {}
	return b, nil
}

// fill reads the size bytes of a body, into memory or a file.
func (d *Decoder) fill(b *Body, r io.Reader, size int64) ([]byte, error) {
	if b.from != d.disk {
		data := make([]byte, size)
		_, err := io.ReadFull(r, data)
		return data, err
	}
	var err error
	if b.file, err = mapping.New(d.dir); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(b.file, r, size); err != nil {
		return nil, err
	}
	return b.file.Map()
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
