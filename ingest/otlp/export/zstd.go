package export

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/encoding"
)

// zstdCodec lets exporters compress gRPC messages with zstd, as OpenTelemetry
// Collectors can. The library of gRPC brings gzip only. Inflated size is
// bounded by the server's message limit, and a frame's window here.
type zstdCodec struct {
	encoders sync.Pool
	decoders sync.Pool
}

func init() { encoding.RegisterCompressor(&zstdCodec{}) }

func (*zstdCodec) Name() string { return "zstd" }

// Compress returns a writer that compresses into w.
func (c *zstdCodec) Compress(w io.Writer) (io.WriteCloser, error) {
	if e, ok := c.encoders.Get().(*zstd.Encoder); ok {
		e.Reset(w)
		return &zstdWriter{e, c}, nil
	}
	e, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(512<<10))
	if err != nil {
		return nil, err
	}
	return &zstdWriter{e, c}, nil
}

type zstdWriter struct {
	*zstd.Encoder
	c *zstdCodec
}

// Close ends the stream and gives the encoder back.
func (w *zstdWriter) Close() error {
	err := w.Encoder.Close()
	w.c.encoders.Put(w.Encoder)
	return err
}

// Decompress returns a reader of what r holds compressed.
func (c *zstdCodec) Decompress(r io.Reader) (io.Reader, error) {
	if d, ok := c.decoders.Get().(*zstd.Decoder); ok {
		if err := d.Reset(r); err != nil {
			return nil, err
		}
		return &zstdReader{d, c}, nil
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	return &zstdReader{d, c}, nil
}

type zstdReader struct {
	d *zstd.Decoder
	c *zstdCodec
}

// Read gives the decoder back once the stream has ended. One that is left half
// read is for the garbage collector: with a concurrency of one it has no
// goroutine.
func (r *zstdReader) Read(p []byte) (int, error) {
	if r.d == nil {
		return 0, io.EOF
	}
	n, err := r.d.Read(p)
	if errors.Is(err, io.EOF) {
		if r.d.Reset(nil) == nil {
			r.c.decoders.Put(r.d)
		}
		r.d = nil
	}
	return n, err
}
