package export

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/s2"
	"google.golang.org/grpc/encoding"
)

// snappyCodec lets exporters compress gRPC messages with snappy, as OpenTelemetry
// Collectors can. Inflated size is bounded by the server's message limit.
type snappyCodec struct {
	writers sync.Pool
	readers sync.Pool
}

func init() { encoding.RegisterCompressor(&snappyCodec{}) }

func (*snappyCodec) Name() string { return "snappy" }

// Compress returns a writer that compresses into w.
func (c *snappyCodec) Compress(w io.Writer) (io.WriteCloser, error) {
	e, ok := c.writers.Get().(*s2.Writer)
	if !ok {
		e = s2.NewWriter(nil, s2.WriterSnappyCompat(), s2.WriterConcurrency(1))
	}
	e.Reset(w)
	return &snappyWriter{e, c}, nil
}

type snappyWriter struct {
	*s2.Writer
	c *snappyCodec
}

// Close ends the stream and gives the encoder back.
func (w *snappyWriter) Close() error {
	err := w.Writer.Close()
	w.c.writers.Put(w.Writer)
	return err
}

// Decompress returns a reader of what r holds compressed.
func (c *snappyCodec) Decompress(r io.Reader) (io.Reader, error) {
	d, ok := c.readers.Get().(*s2.Reader)
	if !ok {
		d = s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10)) // No frame of snappy has more.
	}
	d.Reset(r)
	return &snappyReader{d, c}, nil
}

type snappyReader struct {
	d *s2.Reader
	c *snappyCodec
}

// Read gives the decoder back once the stream has ended.
func (r *snappyReader) Read(p []byte) (int, error) {
	if r.d == nil {
		return 0, io.EOF
	}
	n, err := r.d.Read(p)
	if errors.Is(err, io.EOF) {
		r.d.Reset(nil)
		r.c.readers.Put(r.d)
		r.d = nil
	}
	return n, err
}
