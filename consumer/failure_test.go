package consumer_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/consumer"
	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// metric sums a metric of the consumer over its labels.
func metric(t testing.TB, c *consumer.Consumer, name string) float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(c.Collector()))
	families, err := r.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func TestClickHouseAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := clickhousetest.StartIn(t, dir)
	s := newStoreOn(t, server, 1, "errata")
	cfg := s.config()
	cfg.BatchRows = 200
	s.send(schema.TopicEvents, "a", anEvent(1))
	c, err := consumer.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	s.eventually(1, "SELECT count() FROM events")

	require.NoError(t, server.Stop())
	var all []*schema.Record
	for n := range uint64(1000) {
		all = append(all, anEvent(n))
	}
	s.send(schema.TopicEvents, "a", all...)
	require.Eventually(t, func() bool { return metric(t, c, "errata_consumer_failed_attempts_total") > 2 }, 60*time.Second, 50*time.Millisecond)
	time.Sleep(3 * cfg.SessionTimeout) // Longer than a silent member is kept.
	require.Eventually(t, func() bool { return metric(t, c, "errata_consumer_lag_records") > 900 }, 60*time.Second, 50*time.Millisecond, "it waits: nothing is skipped")
	require.Greater(t, metric(t, c, "errata_consumer_oldest_uncommitted_seconds"), 1.0)

	again := clickhousetest.StartIn(t, dir) // On other ports, as another replica would be.
	require.NotEqual(t, server.Addr(), again.Addr())
	cancel()
	require.NoError(t, <-done, "a clean stop does not wait for ClickHouse for ever")
	s.click.Addrs = []string{server.Addr(), again.Addr()}
	s.connect(again.Addr(), again.Password("errata"))
	cfg.ClickHouse = s.click
	defer s.start(cfg)()
	s.eventually(1000, "SELECT count() FROM events")
	require.EqualValues(t, 1000, s.number("SELECT uniqExact(event_id) FROM events"))
	s.balanced()
}

func TestOffsetGap(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	s.send(schema.TopicEvents, "a", anEvent(1), anEvent(2))
	stop := s.start(s.config())
	s.eventually(2, "SELECT count() FROM events")
	stop()
	for n := range uint64(50) {
		s.send(schema.TopicEvents, "a", anEvent(100+n))
	}
	s.forget(schema.TopicEvents, 12)
	defer s.start(s.config())()
	s.eventually(42, "SELECT count() FROM events")
	s.eventually(10, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'offset_gap' AND project_id = 0 AND reason = 'errata.events'")
}

// A consumer dies after it has counted what the log lost and before it could commit
// that; until the next one comes the log loses more. Each record is counted once.
func TestGapCountedByAKilledConsumer(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	s.send(schema.TopicEvents, "a", anEvent(1), anEvent(2))
	stop := s.start(s.config())
	s.eventually(2, "SELECT count() FROM events")
	stop()
	for n := range uint64(50) {
		s.send(schema.TopicEvents, "a", anEvent(100+n))
	}
	s.forget(schema.TopicEvents, 12)
	var dying atomic.Bool
	dying.Store(true)
	s.cluster.ControlKey(int16(kmsg.OffsetCommit), func(q kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		req := q.(*kmsg.OffsetCommitRequest) //nolint:forcetypeassert // It is that of the key.
		if req.Topics[0].Partitions[0].Offset <= 2 || !dying.Load() {
			return nil, nil, false
		}
		return nil, io.ErrUnexpectedEOF, true
	})
	stop = s.start(s.config())
	s.eventually(10, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'offset_gap'")
	stop()
	s.forget(schema.TopicEvents, 22)
	dying.Store(false)
	defer s.start(s.config())()
	s.eventually(32, "SELECT count() FROM events")
	require.EqualValues(t, 20, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'offset_gap'"))
}

// An operator sets the group to an offset that the log has lost meanwhile, as after a
// restored backup: what is lost is counted, and the rest stored.
func TestOffsetSetBeforeTheLog(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	for n := range uint64(50) {
		s.send(schema.TopicEvents, "a", anEvent(n))
	}
	s.forget(schema.TopicEvents, 12)
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...)}
	r, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: s.config().Group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{
		schema.TopicEvents: {{Partition: 0, Offset: 5}}}})
	require.NoError(t, err)
	require.NoError(t, r.Topics[schema.TopicEvents][0].Error)
	defer s.start(s.config())()
	s.eventually(38, "SELECT count() FROM events")
	s.drained(s.config().Group, func() {})
	require.EqualValues(t, 7, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'offset_gap'"))
}

// forget deletes the records of partition 0 before offset.
func (s *store) forget(topic string, offset int64) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	require.NoError(s.t, err)
	defer client.Close()
	req := kmsg.NewPtrDeleteRecordsRequest()
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset = offset
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(context.Background(), client)
	require.NoError(s.t, err)
	require.Zero(s.t, resp.Topics[0].Partitions[0].ErrorCode)
}

// A topic that is made anew counts from 0 again; its blocks must not be taken
// for those of the old one.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	s.send(schema.TopicEvents, "a", anEvent(1), anEvent(2))
	stop := s.start(s.config())
	s.eventually(2, "SELECT count() FROM events")
	stop()
	fresh := newStore(t, 1) // Another broker, with nothing in it.
	fresh.send(schema.TopicEvents, "a", anEvent(3), anEvent(4))
	cfg := fresh.config()
	cfg.ClickHouse = s.click
	defer fresh.start(cfg)()
	s.eventually(4, "SELECT count() FROM events")
}

// What was announced by a build or a setting with other windows is built again
// with the windows of its announcement.
func TestAnnouncedRangeKeepsItsWindows(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	e := anEvent(1)
	s.send(schema.TopicEvents, "a", e, anEvent(2), e)
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...)}
	r, err := client.OffsetCommit(context.Background(), &kafka.OffsetCommitRequest{GroupID: "errata", GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{
		schema.TopicEvents: {{Partition: 0, Offset: 0, Metadata: `{"v":1,"log":"aa","end":3,"dup":0,"twin":0}`}}}})
	require.NoError(t, err)
	require.NoError(t, r.Topics[schema.TopicEvents][0].Error)
	s.send(schema.TopicEvents, "a", anEvent(2))
	defer s.start(s.config())()
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'")
	require.EqualValues(t, 3, s.number("SELECT count() FROM events"), "the announced range knew no duplicates, the next one does")
}

func TestTablesThatDoNotSuit(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	require.NoError(t, s.conn.Exec(context.Background(), "ALTER TABLE logs RENAME COLUMN body TO text"))
	k, err := sink.New(s.click)
	require.NoError(t, err)
	defer k.Close()
	types, err := k.Types(context.Background())
	require.NoError(t, err)
	_, err = table.NewSet(types)
	require.ErrorIs(t, err, table.ErrColumn)
	require.ErrorContains(t, err, "logs.body")
	types["logs"]["body"] = "UInt64"
	_, err = table.NewSet(types)
	require.ErrorIs(t, err, table.ErrColumn)
	require.ErrorContains(t, err, "does not take text")
}
