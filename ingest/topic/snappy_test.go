package topic

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/segmentio/kafka-go/compress"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Our frames are read by both clients' readers, and writers are used again
// without a trace of what they wrote before.
func TestSnappyFrames(t *testing.T) {
	t.Parallel()
	codec := compress.Snappy.Codec()
	require.IsType(t, &snappyFrames{}, codec)
	require.EqualValues(t, kgo.CodecSnappy, codec.Code())
	other := kgo.DefaultDecompressor()
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 100, 5 << 10, snappyBlock - 1, snappyBlock, snappyBlock + 1, 900 << 10} {
		raw := make([]byte, size)
		for i := range raw {
			raw[i] = byte('a' + r.IntN(4))
		}
		var packed bytes.Buffer
		w := codec.NewWriter(&packed)
		for left := raw; len(left) > 0; { // As records come: piece by piece.
			n := min(len(left), 1+r.IntN(64<<10))
			wrote, err := w.Write(left[:n])
			require.NoError(t, err)
			require.Equal(t, n, wrote)
			left = left[n:]
		}
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		if size > 1000 {
			require.Less(t, packed.Len(), size*3/4)
			got, err := other.Decompress(packed.Bytes(), kgo.CodecSnappy)
			require.NoError(t, err)
			require.True(t, bytes.Equal(raw, got), size)
		}
		in := codec.NewReader(&packed)
		got, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NoError(t, in.Close())
		require.True(t, bytes.Equal(raw, got), size)
	}
}

// A buffer that takes no more is an error of the write or of the end.
func TestSnappyFramesFail(t *testing.T) {
	t.Parallel()
	w := compress.Snappy.Codec().NewWriter(broken{})
	_, err := w.Write(make([]byte, snappyBlock-1))
	require.NoError(t, err)
	n, err := w.Write(make([]byte, 10))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Equal(t, 1, n)
	_ = w.Close()
	w = compress.Snappy.Codec().NewWriter(broken{})
	_, err = w.Write(make([]byte, 10))
	require.NoError(t, err)
	require.ErrorIs(t, w.Close(), io.ErrClosedPipe)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func BenchmarkPack(b *testing.B) {
	line := []byte(`{"filename":"shop/views/order_7.py","function":"place_order","module":"shop.views","lineno":41,"in_app":true,"value":"4711 of 9"},`)
	raw := bytes.Repeat(line, 60<<10/len(line))
	for _, c := range []compress.Compression{compress.Snappy, compress.Lz4} {
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				w := c.Codec().NewWriter(io.Discard)
				_, _ = w.Write(raw)
				_ = w.Close()
			}
		})
	}
}
