package topic

import (
	"fmt"
	"io"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go/compress"
)

// The client's own writer makes frames as for files: blocks of 4 MiB, for which
// writer and reader each hold a buffer, and a checksum over the content. A batch
// of records has less than 1 MiB and a checksum of its own, so ours are made as
// Kafka's Java client makes them. Every reader of frames takes both.
func init() { compress.Codecs[compress.Lz4] = &lz4Frames{Codec: &compress.Lz4Codec} }

type lz4Frames struct {
	compress.Codec // Name, code and reader.
	writers        sync.Pool
}

// NewWriter returns a pooled writer; Close gives it back.
func (c *lz4Frames) NewWriter(w io.Writer) io.WriteCloser {
	z, _ := c.writers.Get().(*lz4.Writer)
	if z == nil {
		z = lz4.NewWriter(w)
		if err := z.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ChecksumOption(false)); err != nil {
			panic(err) // Only our own constants are in it.
		}
	} else {
		z.Reset(w)
	}
	return &lz4Writer{Writer: z, from: &c.writers}
}

type lz4Writer struct {
	*lz4.Writer
	from *sync.Pool
}

// Close ends the frame.
func (w *lz4Writer) Close() error {
	z := w.Writer
	if z == nil {
		return nil
	}
	w.Writer = nil
	err := z.Close()
	z.Reset(nil)
	w.from.Put(z)
	if err != nil {
		return fmt.Errorf("cannot pack records: %w", err)
	}
	return nil
}
