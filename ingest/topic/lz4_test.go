package topic

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/segmentio/kafka-go/compress"
	"github.com/stretchr/testify/require"
)

// Our frames are read by the client's reader, writers are used again without a
// trace of what they wrote before, and the frame's flags are Kafka's: blocks of
// at most 256 KiB that stand alone, and no checksum over the content.
func TestLz4Frames(t *testing.T) {
	t.Parallel()
	codec := compress.Lz4.Codec()
	require.IsType(t, &lz4Frames{}, codec)
	require.EqualValues(t, 3, codec.Code())
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 100, 5 << 10, 256 << 10, 256<<10 + 1, 900 << 10} {
		raw := make([]byte, size)
		for i := range raw {
			raw[i] = byte('a' + r.IntN(4))
		}
		var packed bytes.Buffer
		w := codec.NewWriter(&packed)
		_, err := w.Write(raw)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		flags := packed.Bytes()[4:6]
		require.Equal(t, byte(0x60), flags[0]&^0x10, "version 1, blocks stand alone, no checksums, no size")
		require.Equal(t, byte(5<<4), flags[1])
		if size > 1000 {
			require.Less(t, packed.Len(), size*3/4)
		}
		in := codec.NewReader(&packed)
		got, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NoError(t, in.Close())
		require.True(t, bytes.Equal(raw, got), size)
	}
}
