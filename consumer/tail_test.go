package consumer_test

import (
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// A log lost its newest records, which are stored, and their offset is committed: what
// it still has is stored as well, and is not stored again. What comes then has the
// offsets of the lost ones and is new.
func TestLogLostItsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until the log is not expected to grow again: not with -short")
	}
	t.Parallel()
	all := func(from, to uint64) (out []*schema.Record) {
		for n := from; n < to; n++ {
			r := anEvent(n)
			r.Event.TraceId = traceOf(n / 2)
			out = append(out, r)
		}
		return out
	}
	server := clickhousetest.StartIn(t, t.TempDir())
	s := newStoreOn(t, server, 1, "errata")
	s.send(schema.TopicEvents, "a", all(0, 20)...)
	stop := s.start(s.config())
	s.eventually(20, "SELECT count() FROM events")
	s.drained(s.config().Group, func() {})
	stop()

	short := newStoreOn(t, server, 1, "short") // Only its broker is used.
	short.send(schema.TopicEvents, "a", all(0, 15)...)
	client := &kafka.Client{Addr: kafka.TCP(short.brokers...)}
	r, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: s.config().Group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{
		schema.TopicEvents: {{Partition: 0, Offset: 12, Metadata: `{"v":1,"log":"aa","end":20,"dup":200000,"dup_rows":200000,"twin":100000}`}}}})
	require.NoError(t, err)
	require.NoError(t, r.Topics[schema.TopicEvents][0].Error)
	cfg := short.config()
	cfg.ClickHouse, cfg.BatchRows = s.click, 4
	stop = short.start(cfg)
	short.drained(cfg.Group, func() {})
	s.eventually(15, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'")
	require.EqualValues(t, 20, s.number("SELECT count() FROM events"))
	stop()
	short.send(schema.TopicEvents, "a", all(18, 22)...) // Of two the sender had no answer.
	defer short.start(cfg)()
	s.eventually(22, "SELECT count() FROM events")
	short.drained(cfg.Group, func() {})
	require.EqualValues(t, 22, s.number("SELECT uniqExact(event_id) FROM events"))
	require.EqualValues(t, 17, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'"))
	require.Equal(t, s.number("SELECT sum(weight) FROM events"), s.number("SELECT sum(events) FROM issue_rollup"))
	s.balanced()
}
