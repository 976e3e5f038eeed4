package block

import (
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"

	"errata/consumer/column"
	"errata/schema/tables/insert"
)

// A block that keeps a batch sends the same bytes as one that packs payloads
// itself, also a second time, and counts the batch.
func TestBlockKeepsBatch(t *testing.T) {
	t.Parallel()
	types := benchTypes(t)
	records := benchRecords(300)
	var plain []byte
	for _, v := range records {
		plain = append(append(plain, "head"...), v...)
	}
	pack := &column.Pack{Number: 1, Packed: s2.Encode(nil, plain), Plain: plain, Unpack: func(to, packed []byte) ([]byte, error) {
		raw, err := s2.Decode(nil, packed)
		return append(to, raw...), err
	}}
	encoded := func(pack *column.Pack) (out [][]byte, size int) {
		b, err := New(types)
		require.NoError(t, err)
		w := benchWindows()
		at, offset := time.UnixMilli(1_795_432_528_179), 0
		for i, v := range records {
			offset += len("head")
			b.Add(w, 0, Message{Offset: int64(i), At: at, Value: plain[offset : offset+len(v)], Pack: pack})
			offset += len(v)
		}
		require.Equal(t, len(records), b.Set.Table(insert.Events).Rows())
		for range 2 {
			for _, c := range b.Set.Table(insert.Events).Input() {
				var to proto.Buffer
				c.Data.EncodeColumn(&to)
				out = append(out, to.Buf)
			}
		}
		return out, b.Set.Size()
	}
	want, _ := encoded(nil)
	have, size := encoded(pack)
	require.Equal(t, want, have)
	require.GreaterOrEqual(t, size, len(pack.Packed))
}
