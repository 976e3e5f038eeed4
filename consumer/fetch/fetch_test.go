package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	api "github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/stretchr/testify/require"
)

// broker answers one request with bytes, and keeps the request.
type broker struct {
	version int16
	answer  []byte
	asked   bytes.Buffer
}

func (b *broker) RoundTrip(_ context.Context, _ net.Addr, req kafka.Request) (kafka.Response, error) {
	x, ok := req.(protocol.RawExchanger)
	if !ok || !x.Required(map[protocol.ApiKey]int16{protocol.Fetch: b.version}) {
		return nil, errors.New("not an exchange")
	}
	return x.RawExchange(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(b.answer), &b.asked})
}

// respond is what a broker of a version says, before the batches are put in.
func respond(t *testing.T, version int16, code int16, partition int16, set []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, protocol.WriteResponse(&b, version, correlation, &api.Response{ErrorCode: code, Topics: []api.ResponseTopic{{Topic: "errata.events", Partitions: []api.ResponsePartition{{
		Partition: 3, ErrorCode: partition, HighWatermark: 99, LastStableOffset: 98, LogStartOffset: 2, AbortedTransactions: []api.ResponseTransaction{{ProducerID: 1, FirstOffset: 6}},
		RecordSet: protocol.RecordSet{Version: 2, Records: protocol.NewRecordReader(protocol.Record{Value: protocol.NewBytes([]byte("x"))})}}}}}}))
	out := b.Bytes() // It ends with a set of one record; ours goes there.
	one := len(written(t, 2, 0, 0, protocol.Record{Value: protocol.NewBytes([]byte("x"))}))
	out = binary.BigEndian.AppendUint32(out[:len(out)-one-4], uint32(len(set)))
	out = append(out, set...)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}

// Answers of all versions that the client agrees on are read, and the request is
// one that the client's own decoder reads.
func TestFetch(t *testing.T) {
	t.Parallel()
	set := built(5, nil, 0, 1)
	for version := range int16(12) {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			t.Parallel()
			for name, tc := range map[string]struct {
				answer []byte
				want   []int64
				is     error
				err    string
			}{
				"records":         {answer: respond(t, version, 0, 0, set), want: []int64{5, 6}},
				"none":            {answer: respond(t, version, 0, 0, nil)},
				"partition error": {answer: respond(t, version, 0, int16(kafka.OffsetOutOfRange), nil), is: kafka.OffsetOutOfRange},
				"cut off":         {answer: respond(t, version, 0, 0, set)[:40], is: io.ErrUnexpectedEOF},
				"nothing":         {is: io.ErrUnexpectedEOF},
				"ends too soon": {answer: func() []byte {
					b := respond(t, version, 0, 0, set)[:30]
					binary.BigEndian.PutUint32(b, 26)
					return b
				}(), err: "end too soon"},
				"other request":   {answer: binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 20), 77), err: "for request 77"},
				"too large":       {answer: binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 1<<30), correlation), err: "it has 1073741824 bytes, 268435456 are the limit"},
				"negative":        {answer: binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 1<<31), correlation), err: "it says that it has -2147483648 bytes"},
				"other partition": {answer: bytes.Replace(respond(t, version, 0, 0, set), []byte("errata.events"), []byte("errata.eventz"), 1), err: "not that of errata.events/3"},
			} {
				b := &broker{version: version, answer: tc.answer}
				c := &Client{Transport: b, ClientID: "test", Timeout: time.Minute}
				records, end, err := c.Fetch(t.Context(), Request{Topic: "errata.events", Partition: 3, Offset: 5, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 500 * time.Millisecond})
				if tc.is != nil || tc.err != "" {
					require.Error(t, err, name)
					require.ErrorContains(t, err, tc.err, name)
					if tc.is != nil {
						require.ErrorIs(t, err, tc.is, name)
					}
					continue
				}
				require.NoError(t, err, name)
				require.EqualValues(t, 99, end)
				var rec Record
				var have []int64
				for records.Next(&rec) == nil {
					have = append(have, rec.Offset)
				}
				require.Equal(t, tc.want, have, name)

				v, id, client, asked, err := protocol.ReadRequest(&b.asked)
				require.NoError(t, err, name)
				require.Equal(t, version, v)
				require.EqualValues(t, correlation, id)
				require.Equal(t, "test", client)
				r, ok := asked.(*api.Request)
				require.True(t, ok)
				require.Equal(t, "errata.events", r.Topics[0].Topic)
				require.EqualValues(t, 500, r.MaxWaitTime)
				require.EqualValues(t, 5, r.Topics[0].Partitions[0].FetchOffset)
			}
		})
	}
	_, _, err := (&Client{Transport: &broker{version: 11, answer: respond(t, 11, int16(kafka.Unknown), 0, nil)}}).Fetch(t.Context(), Request{Topic: "errata.events", Partition: 3})
	require.ErrorIs(t, err, kafka.Unknown)
}
