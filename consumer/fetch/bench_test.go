package fetch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
)

// BenchmarkRecords is what a record of a fetch costs until its value can be
// looked at: about five kilobytes, a hundred in a batch. The client's decoder
// beside it does the same without the copies of values.
func BenchmarkRecords(b *testing.B) {
	const batches, each = 10, 100
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("%x ", r.Uint32()) }
	for _, packing := range []kafka.Compression{0, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		var set []byte
		for n := range batches {
			var records []protocol.Record
			for range each {
				var v []byte
				for len(v) < 5200 {
					v = append(append(v, word()...), "breadcrumb and context of an event "...)
				}
				records = append(records, protocol.Record{Value: protocol.NewBytes(v)})
			}
			set = append(set, written(b, 2, packing, int64(n*each), records...)...)
		}
		name := packing.String()
		if packing == 0 {
			name = "plain"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var rec Record
			for i := 0; i < b.N; {
				r := &Records{left: set}
				for ; r.Next(&rec) == nil; i++ {
				}
			}
		})
		b.Run(name+"/client", func(b *testing.B) {
			b.ReportAllocs()
			whole := append(binary.BigEndian.AppendUint32(nil, uint32(len(set))), set...)
			for i := 0; i < b.N; {
				var s protocol.RecordSet
				_, err := s.ReadFrom(bytes.NewReader(whole))
				require.NoError(b, err)
				for ; ; i++ {
					rec, err := s.Records.ReadRecord()
					if err != nil {
						break
					}
					_ = rec.Value.Close()
				}
			}
		})
	}
}
