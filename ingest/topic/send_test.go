package topic

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/deploy/kafka/kafkatest"
)

// A write of many and of large messages becomes batches within their bounds, in
// order within each partition; one message that no batch may hold fails alone.
func TestSendInBounds(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	c := startBroker(t, port, t.TempDir())
	defer c.Close()
	var batches, most atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				var b kmsg.RecordBatch
				if err := b.ReadFrom(p.Records); err == nil {
					batches.Add(1)
					most.Store(max(most.Load(), int64(b.NumRecords)))
				}
			}
		}
		return nil, nil, false
	})
	p := producer(t, port)
	var messages []Message
	for i := range 900 {
		messages = append(messages, message(i))
	}
	for i := range 8 {
		messages = append(messages, Message{Topic: testTopic, Key: []byte{1}, Value: fmt.Appendf(nil, "m%04d%s", 900+i, bytes.Repeat([]byte{'x'}, 300<<10))})
	}
	messages = append(messages, Message{Topic: testTopic, Key: []byte{1}, Value: make([]byte, batchBytes)}, message(908))
	err := p.sender.send(context.Background(), messages)
	var each kafka.WriteErrors
	require.ErrorAs(t, err, &each)
	var large kafka.MessageTooLargeError
	for i, err := range each {
		if i == 908 {
			require.ErrorAs(t, err, &large)
		} else {
			require.NoError(t, err)
		}
	}
	require.False(t, temporary(each[908]))
	seen := 0
	for _, part := range values(t, port) {
		last := ""
		for _, v := range part {
			require.Greater(t, v[:5], last)
			last = v[:5]
			seen++
		}
	}
	require.Equal(t, 909, seen)
	require.LessOrEqual(t, most.Load(), int64(batchRecords))
	require.GreaterOrEqual(t, batches.Load(), int64(6))
}

// TestSendApacheKafka runs in make integration only: a real broker takes our
// batches, with keys and without, in both packings, and gives back what was sent.
func TestSendApacheKafka(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("set ERRATA_INTEGRATION=1 to start a real Apache Kafka")
	}
	broker := kafkatest.Start(t)
	_, text, err := net.SplitHostPort(broker.Addr)
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &kafka.Client{Addr: kafka.TCP(broker.Addr), Transport: transport, Timeout: 30 * time.Second}
	_, err = client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "t." + testTopic, NumPartitions: 2, ReplicationFactor: 1}}})
	require.NoError(t, err)
	for _, dial := range []func(context.Context, string, string) (net.Conn, error){nil, (&net.Dialer{}).DialContext} {
		p := producer(t, port, func(c *Config) { c.Dial, c.AckTimeout = dial, 20*time.Second })
		require.Eventually(t, func() bool { return p.sender.send(t.Context(), []Message{message(0)}) == nil }, time.Minute, 100*time.Millisecond)
		messages := []Message{{Topic: testTopic, Value: []byte("no key")}}
		for i := range 500 {
			m := message(1 + i)
			m.Value = append(m.Value, bytes.Repeat([]byte("stack of an error "), i)...)
			messages = append(messages, m)
		}
		require.NoError(t, p.Write(t.Context(), messages))
		require.Zero(t, p.SpoolBytes())
	}
	seen := map[string]int{}
	for _, part := range values(t, port) {
		for _, v := range part {
			seen[v]++
		}
	}
	require.Len(t, seen, 502)
	for v, n := range seen {
		require.GreaterOrEqual(t, n, 2, v)
	}
}

// What may work in a moment is tried again, what never will is told at once.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	c := startBroker(t, port, t.TempDir())
	defer c.Close()
	p := producer(t, port)
	for name, tc := range map[string]struct {
		err   *kerr.Error
		tries int64
		fails bool
	}{
		"not the leader": {kerr.NotLeaderForPartition, 3, false},
		"no rights":      {kerr.TopicAuthorizationFailed, 1, true},
		"too large":      {kerr.MessageTooLarge, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
				n := tries.Add(1)
				if !tc.fails && n >= tc.tries {
					return nil, nil, false
				}
				if n < tc.tries {
					c.KeepControl()
				}
				q := r.(*kmsg.ProduceRequest)
				a := q.ResponseKind().(*kmsg.ProduceResponse)
				for _, topic := range q.Topics {
					x := kmsg.NewProduceResponseTopic()
					x.Topic = topic.Topic
					for _, part := range topic.Partitions {
						y := kmsg.NewProduceResponseTopicPartition()
						y.Partition, y.ErrorCode = part.Partition, tc.err.Code
						x.Partitions = append(x.Partitions, y)
					}
					a.Topics = append(a.Topics, x)
				}
				return a, nil, true
			})
			err := p.sender.send(context.Background(), []Message{message(1)})
			require.Equal(t, tc.fails, err != nil, err)
			require.Equal(t, tc.tries, tries.Load())
			if err != nil {
				_, cause := split([]Message{message(1)}, err)
				require.ErrorIs(t, cause, kafka.Error(tc.err.Code))
			}
		})
	}
	err := p.sender.send(context.Background(), []Message{{Topic: "nowhere", Value: []byte("x")}})
	require.ErrorIs(t, err, kafka.UnknownTopicOrPartition)
}
