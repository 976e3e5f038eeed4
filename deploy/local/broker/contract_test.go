package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/kafka/kafkatest"
	"errata/deploy/local/broker"
)

// The contract: what Errata relies on. Both brokers keep the same tests, so that
// the embedded one is no dialect of its own.

func TestContractEmbedded(t *testing.T) {
	t.Parallel()
	b := start(t, broker.Config{Dir: t.TempDir(), Topics: []string{"events", "other"}, Partitions: 2, Group: "store"})
	contract(t, b.Addr())
}

// TestContractApacheKafka runs in make integration only: it starts a JVM.
func TestContractApacheKafka(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("set ERRATA_INTEGRATION=1 to start a real Apache Kafka")
	}
	t.Parallel()
	b := kafkatest.Start(t)
	client := clientOf(t, b.Addr)
	_, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: "events", NumPartitions: 2, ReplicationFactor: 1}, {Topic: "other", NumPartitions: 2, ReplicationFactor: 1},
	}})
	require.NoError(t, err)
	contract(t, b.Addr)
}

func clientOf(t *testing.T, addr string) *kafka.Client {
	t.Helper()
	transport := &kafka.Transport{DialTimeout: 2 * time.Second, IdleTimeout: 10 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(addr), Timeout: 20 * time.Second, Transport: transport}
}

// writerOf has the settings of the edge.
func writerOf(t *testing.T, addr, topic string) *kafka.Writer {
	t.Helper()
	w := &kafka.Writer{
		Addr: kafka.TCP(addr), Topic: topic, Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll,
		BatchSize: 200, BatchBytes: 900 << 10, BatchTimeout: 2 * time.Millisecond, Compression: kafka.Lz4,
		MaxAttempts: 10, WriteBackoffMin: 50 * time.Millisecond, WriteBackoffMax: time.Second,
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// fetchAll reads a partition from offset to its end.
func fetchAll(t *testing.T, c *kafka.Client, topic string, partition int, offset int64) (values []string, next int64) {
	t.Helper()
	for {
		resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{
			Topic: topic, Partition: partition, Offset: offset, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 50 * time.Millisecond,
		})
		require.NoError(t, err)
		require.NoError(t, resp.Error)
		read := 0
		for {
			r, err := resp.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if r.Offset < offset {
				continue // A broker may answer with the whole batch.
			}
			value, err := kafka.ReadAll(r.Value)
			require.NoError(t, err)
			values, offset = append(values, string(value)), r.Offset+1
			read++
		}
		if read == 0 {
			return values, offset
		}
	}
}

func contract(t *testing.T, addr string) {
	t.Helper()
	c := clientOf(t, addr)

	t.Run("every acknowledged record is read back in the order of its partition", func(t *testing.T) {
		w := writerOf(t, addr, "events")
		want := map[string]int{}
		for i := range 20 {
			batch := make([]kafka.Message, 25)
			for j := range batch {
				v := fmt.Sprintf("record-%03d", i*25+j)
				batch[j] = kafka.Message{Key: []byte(fmt.Sprint("key-", j)), Value: []byte(v)}
				want[v]++
			}
			require.NoError(t, w.WriteMessages(t.Context(), batch...))
		}
		got := map[string]int{}
		for p := range 2 {
			values, _ := fetchAll(t, c, "events", p, 0)
			require.NotEmpty(t, values, "both partitions take part")
			require.IsIncreasing(t, values)
			for _, v := range values {
				got[v]++
			}
		}
		require.Equal(t, want, got)
	})

	t.Run("a fetch beyond the end says so", func(t *testing.T) {
		resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{
			Topic: "events", Partition: 0, Offset: 1 << 40, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 50 * time.Millisecond,
		})
		require.NoError(t, err)
		require.ErrorIs(t, resp.Error, kafka.OffsetOutOfRange)
	})

	t.Run("a record of the largest size passes, one over the broker's limit does not", func(t *testing.T) {
		w := writerOf(t, addr, "other")
		w.Compression = 0
		require.NoError(t, w.WriteMessages(t.Context(), kafka.Message{Value: bytes.Repeat([]byte("x"), 899<<10)}))
		w.BatchBytes = 4 << 20
		err := w.WriteMessages(t.Context(), kafka.Message{Value: bytes.Repeat([]byte("x"), 2<<20)})
		require.ErrorContains(t, err, "Message Size Too Large")
	})

	t.Run("an unknown topic is refused", func(t *testing.T) {
		w := writerOf(t, addr, "nowhere")
		w.MaxAttempts = 1
		require.ErrorIs(t, w.WriteMessages(t.Context(), kafka.Message{Value: []byte("x")}), kafka.UnknownTopicOrPartition)
	})

	t.Run("commits carry metadata and belong to a generation", func(t *testing.T) {
		groupContract(t, c, addr)
	})
}

func groupContract(t *testing.T, c *kafka.Client, addr string) {
	t.Helper()
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "store", Brokers: []string{addr}, Topics: []string{"events", "other"},
		HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: 20 * time.Second, RebalanceTimeout: 2 * time.Second, // The member stays while the machine does other work.
		StartOffset: kafka.FirstOffset,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, group.Close()) }()
	var generation *kafka.Generation
	// A new cluster makes its offsets topic on the first join.
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		generation, err = group.Next(ctx)
		return err == nil
	}, time.Minute, 50*time.Millisecond)
	require.Len(t, generation.Assignments["events"], 2)
	require.Len(t, generation.Assignments["other"], 2)

	commit := func(generationID int, member string) error {
		resp, err := c.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
			GroupID: "store", GenerationID: generationID, MemberID: member,
			Topics: map[string][]kafka.OffsetCommit{"events": {{Partition: 0, Offset: 7, Metadata: `{"end":19}`}}},
		})
		if err != nil {
			return err
		}
		return resp.Topics["events"][0].Error
	}
	require.NoError(t, commit(int(generation.ID), generation.MemberID))
	require.ErrorIs(t, commit(int(generation.ID)+5, generation.MemberID), kafka.IllegalGeneration)
	require.ErrorIs(t, commit(int(generation.ID), "somebody-else"), kafka.UnknownMemberId)

	offsets, err := c.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{
		GroupID: "store", Topics: map[string][]int{"events": {0, 1}},
	})
	require.NoError(t, err)
	require.NoError(t, offsets.Error)
	for _, p := range offsets.Topics["events"] {
		if p.Partition == 0 {
			require.EqualValues(t, 7, p.CommittedOffset)
			require.Equal(t, `{"end":19}`, p.Metadata)
		} else {
			require.EqualValues(t, -1, p.CommittedOffset, "what was never committed says so")
		}
	}
}
