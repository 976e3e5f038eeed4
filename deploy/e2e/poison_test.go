package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/schema"
)

// poison puts records that no build can read on the topics, as a broken
// producer or a bit that flipped would.
type poison struct {
	transport    *kafka.Transport
	writer       *kafka.Writer
	pouring      sync.WaitGroup
	mu           sync.Mutex
	acknowledged []string
	tried        int
}

func newPoison(t *testing.T, broker string) *poison {
	p := &poison{transport: &kafka.Transport{DialTimeout: time.Second, MetadataTTL: time.Second}}
	p.writer = &kafka.Writer{Addr: kafka.TCP(broker), Transport: p.transport, RequiredAcks: kafka.RequireAll, MaxAttempts: 1, BatchSize: 1,
		Balancer: &kafka.RoundRobin{}, WriteTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second}
	t.Cleanup(func() {
		_ = p.writer.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// pour begins to write n records with a pause between them, whatever becomes of the
// broker meanwhile.
func (p *poison) pour(n int, pause time.Duration) {
	p.pouring.Go(func() { p.write(n, pause) })
}

func (p *poison) write(n int, pause time.Duration) {
	topics := []string{schema.TopicEvents, schema.TopicSpans, schema.TopicLogs, schema.TopicSessions}
	for range n {
		p.mu.Lock()
		p.tried++
		text := fmt.Sprintf("\xff poison %d", p.tried)
		topic := topics[p.tried%len(topics)]
		p.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		err := p.writer.WriteMessages(ctx, kafka.Message{Topic: topic, Value: []byte(text)})
		cancel()
		if err == nil {
			p.mu.Lock()
			p.acknowledged = append(p.acknowledged, text)
			p.mu.Unlock()
		}
		time.Sleep(pause)
	}
}

// sent is how many records were acknowledged, and how many were tried.
func (p *poison) sent() (acknowledged, tried int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acknowledged), p.tried
}

// buried fails where a poisoned record is not among the dead letters.
func (p *poison) buried(t *testing.T) {
	t.Helper()
	client := &kafka.Client{Addr: p.writer.Addr, Transport: p.transport, Timeout: 10 * time.Second}
	meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{schema.TopicDead}})
	require.NoError(t, err)
	found := map[string]bool{}
	for _, part := range meta.Topics[0].Partitions {
		bounds, err := client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			schema.TopicDead: {kafka.FirstOffsetOf(part.ID), kafka.LastOffsetOf(part.ID)}}})
		require.NoError(t, err)
		x := bounds.Topics[schema.TopicDead][0]
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{p.writer.Addr.String()}, Topic: schema.TopicDead, Partition: part.ID, MaxWait: 100 * time.Millisecond})
		for next := x.FirstOffset; next < x.LastOffset; {
			m, err := r.ReadMessage(t.Context())
			require.NoError(t, err)
			found[string(m.Value)] = true
			next = m.Offset + 1
		}
		require.NoError(t, r.Close())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var lost []string
	for _, text := range p.acknowledged {
		if !found[text] {
			lost = append(lost, text)
		}
	}
	require.Empty(t, lost, "poisoned records that are no dead letters: %s", strings.Join(lost, ", "))
}
