package consumer_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/schema"
)

// Payloads of batches that blocks keep as they were fetched are those that were
// sent: with every packing, where blocks end within batches, where a row has no
// payload or is there before, and where ClickHouse refuses some.
func TestPayloadsOfKeptBatches(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	require.NoError(t, s.conn.Exec(context.Background(), "ALTER TABLE events ADD CONSTRAINT sane CHECK title != 'poison'"))
	const each = 400
	want := map[string]string{}
	n := uint64(0)
	for _, packing := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		w := &kafka.Writer{Addr: kafka.TCP(s.brokers...), Topic: schema.TopicEvents, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, BatchSize: 90, Compression: packing}
		var out []kafka.Message
		for range each {
			n++
			e := anEvent(n)
			e.Event.Payload = []byte(strings.Repeat(fmt.Sprintf(`{"message":"event %d"}`, n), 1+int(n%100)))
			switch {
			case n%11 == 0:
				e.Event.Payload = nil
			case n%97 == 0:
				e.Event.Title = "poison"
			}
			v, err := schema.EncodeRecord(e)
			require.NoError(t, err)
			out = append(out, kafka.Message{Value: v})
			if n%13 == 0 {
				out = append(out, kafka.Message{Value: v})
			}
			if e.Event.Title != "poison" {
				want[hex.EncodeToString(e.Event.EventId)] = string(e.Event.Payload)
			}
		}
		require.NoError(t, w.WriteMessages(t.Context(), out...))
		require.NoError(t, w.Close())
	}
	cfg := s.config()
	cfg.BatchRows = 150
	stop := s.start(cfg)
	s.eventually(uint64(len(want)), "SELECT count() FROM events")
	stop()
	rows, err := s.conn.Query(context.Background(), "SELECT lower(hex(event_id)), payload FROM events")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, payload string
		require.NoError(t, rows.Scan(&id, &payload))
		require.Equal(t, want[strings.ReplaceAll(id, "-", "")], payload, id)
		delete(want, strings.ReplaceAll(id, "-", ""))
	}
	require.NoError(t, rows.Err())
	require.Empty(t, want)
	s.balanced()
}
