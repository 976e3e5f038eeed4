package body

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/inflate"
	"errata/ingest/intake"
	"errata/ingest/mapping"
)

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

// part reads a part and reports whether it was the last one.
func (r *Reader) part(in *incoming, b []byte) (n int, last bool, err error) {
	n, err = in.stream.Read(b)
	in.got += int64(n)
	if in.got > in.limit {
		return n, false, TooLarge(in.limit)
	}
	if in.got > inflate.HeavyBytes {
		r.pace.wait(n)
	}
	if in.got-in.extended >= largestInMemory {
		// Who sends much has more time, as long as it comes.
		in.extended = in.got
		_ = in.c.Context().Conn().SetReadDeadline(in.start.Add(r.cfg.ReadTimeout + time.Duration(in.got)*time.Second/slowestRate))
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
	why := "the connection ended before the body did"
	if slow == nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		why = "the chunks of the body (Transfer-Encoding: chunked) cannot be read: each is its length in hex, a line end, as many bytes, a line end"
	}
	return n, false, intake.Refuse(http.StatusBadRequest, "failed to read the request body", "bad_body", why)
}

// readRaw reads the body as sent into b.raw.
func (r *Reader) readRaw(in *incoming, b *Body) error {
	if in.stream == nil {
		b.raw = in.c.Request().Body()
		if int64(len(b.raw)) > in.limit {
			return TooLarge(in.limit)
		}
		return nil
	}
	err := error(nil)
	if in.start = time.Now(); in.declared > in.limit {
		err = TooLarge(in.limit)
	} else {
		err = r.readInto(in, b)
	}
	if e := (*intake.Error)(nil); errors.As(err, &e) && e.Status != http.StatusBadRequest && e.Status != http.StatusRequestTimeout {
		b.releaseRaw() // Others may have it while the rest comes.
		r.drain(in.stream)
	}
	return err
}

func (r *Reader) readInto(in *incoming, b *Body) error {
	b.own = true
	if p, ok := r.buffers.Get().(*[]byte); ok {
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
				return r.readToDisk(in, b)
			}
			if err := r.grow(b, in.declared, in.limit); err != nil {
				return err
			}
		}
		n, last, err := r.part(in, b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		if err != nil || last {
			return err
		}
	}
}

// readToDisk goes on with a body that gets too large for memory.
func (r *Reader) readToDisk(in *incoming, b *Body) error {
	size, from := in.limit, r.disk
	if in.declared >= 0 {
		size = in.declared
	}
	if !from.TryAcquire(size) {
		return ErrBusy
	}
	file, err := mapping.New(r.cfg.Folder)
	if err == nil {
		_, err = file.Write(b.raw)
	}
	b.releaseRaw()
	b.file, b.held, b.from = file, size, from
	buf := make([]byte, largeBody)
	for last := false; err == nil && !last; {
		n := 0
		n, last, err = r.part(in, buf)
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
	return r.diskError(err)
}

// diskError tells the client of a disk that is full to come again.
func (r *Reader) diskError(err error) error {
	if !errors.Is(err, mapping.ErrDisk) {
		return err
	}
	r.cfg.Logger.Error("cannot hold a large body", "error", err)
	return intake.Refuse(http.StatusServiceUnavailable, "the store cannot keep a body as large now", "unavailable", "the edge's disk refused a write")
}

// drain reads on without keeping anything, up to a little more than the largest
// body: a client that is cut off while it sends sees a broken connection instead
// of the answer.
func (r *Reader) drain(stream io.Reader) {
	buf := make([]byte, 32<<10)
	for left := int(r.cfg.MaxBytes) + rawBytes; left > 0; {
		n, err := stream.Read(buf)
		if err != nil {
			return
		}
		left -= n
		r.pace.wait(n)
	}
}

// grow doubles a buffer, never beyond what was declared or is allowed.
func (r *Reader) grow(b *Body, declared, limit int64) error {
	size, from := min(2*int64(cap(b.raw)), limit+1), r.small
	if declared >= 0 {
		size = min(size, declared+1)
	}
	if size > largeBody {
		// Those that came so far get what they declared at once: many that grow side
		// by side would leave each other too little, and much garbage.
		from = r.large
		if declared >= 0 && declared < largestInMemory {
			size = declared + 1
		}
	}
	held := b.held
	if b.from == from {
		if !from.TryAcquire(size - held) {
			return ErrBusy
		}
	} else {
		if !from.TryAcquire(size) {
			return ErrBusy
		}
		if held > 0 {
			b.from.Release(held)
		}
	}
	b.held, b.from = size, from
	bigger := make([]byte, len(b.raw), size)
	copy(bigger, b.raw)
	if held == 0 {
		r.pool(b.raw)
	}
	b.raw = bigger
	return nil
}
