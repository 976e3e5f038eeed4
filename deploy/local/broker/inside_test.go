package broker_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/broker"
)

// TestDial writes in memory and reads over TCP, and the other way round: both
// are connections to one broker.
func TestDial(t *testing.T) {
	t.Parallel()
	b := start(t, broker.Config{Dir: t.TempDir(), Topics: []string{"events"}, Partitions: 1, Group: "store"})
	inside := &kafka.Transport{Dial: b.Dial, IdleTimeout: 10 * time.Second}
	outside := &kafka.Transport{IdleTimeout: 10 * time.Second}
	t.Cleanup(inside.CloseIdleConnections)
	t.Cleanup(outside.CloseIdleConnections)
	offset := int64(0)
	for name, tc := range map[string]struct{ write, read *kafka.Transport }{
		"in memory to TCP": {inside, outside},
		"TCP to memory":    {outside, inside},
		"in memory":        {inside, inside},
	} {
		t.Run(name, func(t *testing.T) {
			writer := &kafka.Client{Addr: kafka.TCP(b.Addr()), Timeout: 10 * time.Second, Transport: tc.write}
			value := make([]byte, 300<<10)
			copy(value, name)
			for range 5 {
				r, err := writer.Produce(t.Context(), &kafka.ProduceRequest{Topic: "events", RequiredAcks: kafka.RequireAll,
					Records: kafka.NewRecordReader(kafka.Record{Key: kafka.NewBytes([]byte("k")), Value: kafka.NewBytes(value)})})
				require.NoError(t, err)
				require.NoError(t, r.Error)
			}
			reader := &kafka.Client{Addr: kafka.TCP(b.Addr()), Timeout: 10 * time.Second, Transport: tc.read}
			for range 5 {
				r, err := reader.Fetch(t.Context(), &kafka.FetchRequest{Topic: "events", Offset: offset, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
				require.NoError(t, err)
				require.NoError(t, r.Error)
				rec, err := r.Records.ReadRecord()
				require.NoError(t, err, fmt.Sprint("offset ", offset))
				require.Equal(t, offset, rec.Offset)
				got, err := io.ReadAll(rec.Value)
				require.NoError(t, err)
				require.Equal(t, value, got)
				offset++
			}
		})
	}
	b.Stop()
	_, err := b.Dial(t.Context(), "tcp", b.Addr())
	require.Error(t, err)
}
