package consumer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/kafka/kafkatest"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// onApacheKafka is newStore with a real broker.
func onApacheKafka(t *testing.T, partitions int) *store {
	t.Helper()
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("starts an Apache Kafka: set ERRATA_INTEGRATION=1")
	}
	server := clickhousetest.Shared(t)
	n := <-databases
	databases <- n + 1
	s := &store{t: t, database: fmt.Sprintf("errata_%d", n), brokers: []string{kafkatest.Start(t).Addr}}
	for _, name := range append(append([]string{}, schema.Topics...), schema.TopicDead) {
		s.create(name, partitions)
	}
	s.migrate(server.Addr(), server.Password("errata"))
	s.writer = s.newWriter()
	return s
}

func (s *store) create(topic string, partitions int) {
	s.t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 30 * time.Second}
	require.EventuallyWithT(s.t, func(t *assertT) { // A topic of this name may be on its way out.
		made, err := client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
		require.NoError(t, err)
		require.NoError(t, made.Errors[topic])
	}, time.Minute, 200*time.Millisecond)
}

// pour sends events, each with a key of its own, until all are acknowledged.
func (s *store) pour(from, to uint64, pause time.Duration) {
	for n := from; n < to; n += 20 {
		var out []kafka.Message
		for k := n; k < min(n+20, to); k++ {
			v, err := schema.EncodeRecord(anEvent(k))
			require.NoError(s.t, err)
			out = append(out, kafka.Message{Topic: schema.TopicEvents, Key: fmt.Appendf(nil, "%d", k), Value: v})
		}
		for s.writer.WriteMessages(context.Background(), out...) != nil { // Some may be there twice then.
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(pause)
	}
}

// Partitions that a topic gets while it is read are read from their start, by
// members that come and go meanwhile.
func TestPartitionsAdded(t *testing.T) {
	t.Parallel()
	added(t, newStore(t, 1))
}

func TestPartitionsAddedApacheKafka(t *testing.T) { added(t, onApacheKafka(t, 1)) }

func added(t *testing.T, s *store) {
	t.Helper()
	const n = 6000
	s.writer.Transport = &kafka.Transport{MetadataTTL: 500 * time.Millisecond}
	cfg := s.config()
	cfg.BatchRows = 300
	s.start(cfg)
	poured := make(chan struct{})
	go func() {
		defer close(poured)
		s.pour(0, n, 40*time.Millisecond)
	}()
	s.eventually(1, "SELECT toUInt64(count() > 500) FROM events")
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 30 * time.Second}
	grown, err := client.CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: schema.TopicEvents, Count: 3}}})
	require.NoError(t, err)
	require.NoError(t, grown.Errors[schema.TopicEvents])
	for range 4 {
		stop := s.start(cfg)
		other := s.start(cfg)
		time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
		stop()
		other()
	}
	<-poured
	s.eventually(n, "SELECT count() FROM events")
	require.EqualValues(t, n, s.number("SELECT uniqExact(event_id) FROM events"))
	require.EqualValues(t, 3, s.number("SELECT uniqExact(topic_partition) FROM events"))
	s.drained(cfg.Group, func() {}) // Views and the ledger follow the events by a moment.
	require.EqualValues(t, n, s.number("SELECT sum(events) FROM issue_rollup"))
	s.balanced()
}

// A topic that is deleted and made again while it is read counts from 0 again.
func TestTopicMadeAnewApacheKafka(t *testing.T) {
	s := onApacheKafka(t, 1)
	s.start(s.config())
	s.pour(0, 500, 0)
	s.eventually(500, "SELECT count() FROM events")
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 30 * time.Second}
	gone, err := client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{schema.TopicEvents}})
	require.NoError(t, err)
	require.NoError(t, gone.Errors[schema.TopicEvents])
	s.create(schema.TopicEvents, 1)
	s.pour(500, 1500, 0) // More than it had.
	s.eventually(1500, "SELECT count() FROM events")
	require.EqualValues(t, 1500, s.number("SELECT uniqExact(event_id) FROM events"))
	s.drained(s.config().Group, func() {})
	s.balanced()
}

// A consumer may be stopped at any moment of its joining.
func TestStoppedWhileItJoins(t *testing.T) {
	t.Parallel()
	s := newStore(t, 3)
	s.pour(0, 200, 0)
	for n := range 40 {
		stop := s.start(s.config())
		time.Sleep(time.Duration(n) * 4 * time.Millisecond)
		stop()
	}
	defer s.start(s.config())()
	s.eventually(200, "SELECT count() FROM events")
	s.drained(s.config().Group, func() {})
	s.balanced()
}

// Records that are deleted while ClickHouse hangs are counted as lost, those that
// were read before are not, and none is both.
func TestGapWhileClickHouseHangs(t *testing.T) {
	t.Parallel()
	server := clickhousetest.StartIn(t, t.TempDir())
	s := newStoreOn(t, server, 1, "errata")
	cfg := s.config()
	cfg.BatchRows = 100
	s.send(schema.TopicEvents, "a", anEvent(0))
	s.start(cfg)
	s.eventually(1, "SELECT count() FROM events")
	const rounds, each = 6, 400
	chance := rand.NewChaCha8([32]byte{1})
	for round := range uint64(rounds) {
		from := 1 + round*each
		require.NoError(t, syscall.Kill(server.PID(), syscall.SIGSTOP))
		var some []*schema.Record // More than one fetch brings.
		for n := range uint64(each) {
			r := anEvent(from + n)
			r.Event.Payload = make([]byte, 12<<10)
			_, _ = chance.Read(r.Event.Payload)
			some = append(some, r)
		}
		s.send(schema.TopicEvents, "a", some...)
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		s.forget(schema.TopicEvents, int64(from)+each*3/4)
		require.NoError(t, syscall.Kill(server.PID(), syscall.SIGCONT))
		s.drained(cfg.Group, func() {})
	}
	stored := s.number("SELECT count() FROM events")
	lost := s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'offset_gap'")
	t.Logf("%d stored, %d lost", stored, lost)
	require.NotZero(t, lost)
	require.Equal(t, stored, s.number("SELECT uniqExact(event_id) FROM events"))
	require.EqualValues(t, 1+rounds*each, stored+lost)
	require.Equal(t, stored, s.number("SELECT sum(events) FROM issue_rollup"))
	require.Equal(t, stored, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'stored'"))
	require.Equal(t, stored, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'accepted'"))
}
