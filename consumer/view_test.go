package consumer

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
)

// Values are what was written, whether a page of the client's holds them whole, two
// of them or more, or none does.
func TestView(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	var records []protocol.Record
	var want [][]byte
	for range 200 {
		b := make([]byte, r.IntN(6000))
		if r.IntN(20) == 0 {
			b = make([]byte, r.IntN(200_000))
		}
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		want = append(want, b)
		records = append(records, protocol.Record{Value: protocol.NewBytes(b)})
	}
	var packed bytes.Buffer
	_, err := (&protocol.RecordSet{Version: 2, Attributes: protocol.Snappy, Records: protocol.NewRecordReader(records...)}).WriteTo(&packed)
	require.NoError(t, err)
	var set protocol.RecordSet
	_, err = set.ReadFrom(&packed)
	require.NoError(t, err)
	var v view
	whole := 0
	for i := range want {
		x, err := set.Records.ReadRecord()
		require.NoError(t, err)
		got, err := v.of(x.Value)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want[i], got), i)
		if !v.many {
			whole++
		}
		require.NoError(t, x.Value.Close())
	}
	require.Greater(t, whole, len(want)/2)
	require.Less(t, whole, len(want))
	got, err := v.of(plain{bytes.NewReader([]byte("abc"))})
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
}

// plain is a value that can only be read.
type plain struct{ *bytes.Reader }

func (p plain) Close() error { return nil }

func (p plain) Read(b []byte) (int, error) { return io.LimitReader(p.Reader, 2).Read(b) }

func (plain) WriteTo() {}

var _ kafka.Bytes = plain{}
