package topic

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestBatch is the law of our encoder: what the client's decoder and another
// client's make of a batch is what went in, and its head is the one that the
// client's own encoder writes.
func TestBatch(t *testing.T) {
	t.Parallel()
	bytesOrNone := rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		n := rapid.SampledFrom([]int{0, 1, 16, 63, 64, 100, 8191, 8192, 70_000}).Draw(t, "bytes")
		b := make([]byte, n)
		r := rand.New(rand.NewPCG(uint64(n), 1))
		for i := range b {
			b[i] = byte('a' + r.IntN(5))
		}
		return b
	})
	rapid.Check(t, func(t *rapid.T) {
		packing := rapid.SampledFrom([]kafka.Compression{kafka.Snappy, kafka.Lz4}).Draw(t, "packing")
		messages := make([]Message, rapid.IntRange(1, 130).Draw(t, "messages"))
		var raw []byte
		for i := range messages {
			messages[i] = Message{Key: bytesOrNone.Draw(t, "key"), Value: bytesOrNone.Draw(t, "value")}
			before := len(raw)
			raw = appendRecord(raw, i, &messages[i])
			require.LessOrEqual(t, len(raw)-before, len(messages[i].Key)+len(messages[i].Value)+mostOverhead)
		}
		at := time.UnixMilli(1_795_000_000_123)
		batch, err := appendBatch([]byte("before"), raw, len(messages), at, packing)
		require.NoError(t, err)
		batch = batch[len("before"):]

		var head kmsg.RecordBatch
		require.NoError(t, head.ReadFrom(batch[4:]))
		unpacked, err := kgo.DefaultDecompressor().Decompress(head.Records, kgo.CompressionCodecType(packing))
		require.NoError(t, err)
		require.True(t, bytes.Equal(raw, unpacked))

		var set protocol.RecordSet
		n, err := set.ReadFrom(bytes.NewReader(batch))
		require.NoError(t, err)
		require.EqualValues(t, len(batch), n)
		for i := range messages {
			r, err := set.Records.ReadRecord()
			require.NoError(t, err)
			require.EqualValues(t, i, r.Offset)
			require.True(t, at.Equal(r.Time))
			same(t, messages[i].Key, r.Key)
			same(t, messages[i].Value, r.Value)
			require.Empty(t, r.Headers)
		}
		_, err = set.Records.ReadRecord()
		require.ErrorIs(t, err, io.EOF)

		records := make([]protocol.Record, len(messages))
		for i, m := range messages {
			records[i] = protocol.Record{Time: at, Key: protocol.NewBytes(m.Key), Value: protocol.NewBytes(m.Value)}
		}
		var theirs bytes.Buffer
		_, err = (&protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(packing), Records: protocol.NewRecordReader(records...)}).WriteTo(&theirs)
		require.NoError(t, err)
		want, got := theirs.Bytes()[:batchSize+batchHead], append([]byte(nil), batch[:batchSize+batchHead]...)
		for _, span := range [][2]int{{0, 4}, {4 + 8, 4 + 12}, {4 + 17, 4 + 21}} { // Lengths and checksum are of what is packed.
			copy(want[span[0]:span[1]], got[span[0]:span[1]])
		}
		require.Equal(t, want, got)
	})
}

func same(t *rapid.T, want []byte, got protocol.Bytes) {
	t.Helper()
	if want == nil {
		require.Nil(t, got)
		return
	}
	b, err := protocol.ReadAll(got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, b))
}

// TestPack reads frames of all sizes with both clients' readers; memory of the
// frame before leaves no trace.
func TestPack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, packing := range []kafka.Compression{kafka.Snappy, kafka.Lz4} {
		var memory []byte
		for _, size := range []int{1, 100, 5 << 10, snappyBlock - 1, snappyBlock, snappyBlock + 1, 900 << 10, 10} {
			raw := make([]byte, size)
			for i := range raw {
				raw[i] = byte('a' + r.IntN(4))
			}
			packed, err := pack(memory[:0], raw, packing)
			require.NoError(t, err)
			memory = packed
			if size > 1000 {
				require.Less(t, len(packed), size*3/4)
			}
			got, err := kgo.DefaultDecompressor().Decompress(packed, kgo.CompressionCodecType(packing))
			require.NoError(t, err)
			require.True(t, bytes.Equal(raw, got), size)
			in := packing.Codec().NewReader(bytes.NewReader(packed))
			got, err = io.ReadAll(in)
			require.NoError(t, err)
			require.NoError(t, in.Close())
			require.True(t, bytes.Equal(raw, got), size)
			if packing == kafka.Lz4 {
				require.Equal(t, byte(0x60), packed[4]&^0x10, "version 1, blocks stand alone, no checksums, no size")
				require.Equal(t, byte(5<<4), packed[5])
				require.EqualValues(t, 0x184D2204, binary.LittleEndian.Uint32(packed))
			}
		}
	}
}

func BenchmarkBatch(b *testing.B) {
	line := []byte(`{"filename":"shop/views/order_7.py","function":"place_order","module":"shop.views","lineno":41,"in_app":true,"value":"4711 of 9"},`)
	value := bytes.Repeat(line, 5<<10/len(line))
	messages := make([]Message, 14)
	for i := range messages {
		messages[i] = Message{Key: make([]byte, 16), Value: bytes.Clone(value)}
	}
	for _, packing := range []kafka.Compression{kafka.Snappy, kafka.Lz4} {
		b.Run(packing.String(), func(b *testing.B) {
			b.SetBytes(int64(len(value) * len(messages)))
			b.ReportAllocs()
			var records, batch []byte
			for b.Loop() {
				records = records[:0]
				for i := range messages {
					records = appendRecord(records, i, &messages[i])
				}
				batch, _ = appendBatch(batch[:0], records, len(messages), time.Time{}, packing)
			}
		})
	}
}
