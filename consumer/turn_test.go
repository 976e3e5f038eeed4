package consumer_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/consumer"
	"errata/schema"
)

// Partitions that are behind gather in turn, so their blocks are as large as
// those of one partition that has all the memory: a block costs the server the
// planning of all views, however small it is. What is left at the end does not
// wait for its age.
func TestBacklogIsGatheredInTurn(t *testing.T) {
	t.Parallel()
	const each = 9000
	s := newStore(t, 3)
	w := &kafka.Writer{Addr: kafka.TCP(s.brokers...), Topic: schema.TopicEvents, Balancer: &kafka.RoundRobin{}, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, BatchSize: 500}
	defer func() { _ = w.Close() }()
	r := rand.NewChaCha8([32]byte{1})
	var out []kafka.Message
	for n := range uint64(3 * each) {
		e := anEvent(n)
		e.Event.Payload = make([]byte, 1000) // Of chance, so that it is held as it is.
		_, _ = r.Read(e.Event.Payload)
		v, err := schema.EncodeRecord(e)
		require.NoError(t, err)
		out = append(out, kafka.Message{Value: v})
	}
	require.NoError(t, w.WriteMessages(t.Context(), out...))

	cfg := s.config()
	cfg.MaxAge = 20 * time.Second                // A few records after a full block are no backlog any more: they wait for it.
	cfg.MemoryBytes, cfg.BatchRows = 6<<20, 4800 // Half of the memory is about 2,250 events.
	c, err := consumer.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	s.eventually(3*each, "SELECT count() FROM events")
	cancel()
	require.NoError(t, <-done)
	// A machine that is busy with other things stores slowly: then a partition that
	// has little left, and needs no turn, takes memory beside the one who has it, and
	// some small blocks are cut for that. So it is not their number that counts.
	require.Less(t, mostRowsOfSmall(t, c, 1024), 0.6*3*each, "three partitions of 9,000 events in blocks of 2,250 are four blocks each and what is left; all at once, a third is as large")
	require.Equal(t, uint64(3*each), s.number("SELECT uniqExact(topic_partition, topic_offset) FROM events"))
}

// mostRowsOfSmall is how many rows may have been in blocks of at most small rows:
// each counts as the largest of its bucket.
func mostRowsOfSmall(t testing.TB, c *consumer.Consumer, small float64) (rows float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(c.Collector()))
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "errata_consumer_block_rows" {
			continue
		}
		for _, m := range f.GetMetric() {
			before := uint64(0)
			for _, b := range m.GetHistogram().GetBucket() {
				if b.GetUpperBound() <= small {
					rows += float64(b.GetCumulativeCount()-before) * b.GetUpperBound()
				}
				before = b.GetCumulativeCount()
			}
		}
	}
	return rows
}
