package topic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testTopic = "errata.events"

// freePort is one below those that the kernel gives to connections and to port
// 0: nobody takes it while the broker is away.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port below 32768")
	return 0
}

func startBroker(t *testing.T, port int, dir string) *kfake.Cluster {
	t.Helper()
	var c *kfake.Cluster
	require.Eventually(t, func() bool {
		var err error
		c, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SeedTopics(2, "t."+testTopic))
		return err == nil
	}, 30*time.Second, 20*time.Millisecond)
	return c
}

func producer(t *testing.T, port int, change ...func(*Config)) *Producer {
	t.Helper()
	cfg := Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", port)}, Prefix: "t.", SpoolDir: t.TempDir(), SpoolBytes: 10 << 20, AckTimeout: 20 * time.Second} // A busy machine is no silent broker.
	for _, f := range change {
		f(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, p.Close(ctx))
	})
	return p
}

// values reads all messages of the topic by partition.
func values(t *testing.T, port int) [][]string {
	t.Helper()
	out := make([][]string, 2)
	for part := range out {
		conn, err := kafka.DialLeader(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port), "t."+testTopic, part)
		require.NoError(t, err)
		first, last, err := conn.ReadOffsets()
		require.NoError(t, err)
		_, err = conn.Seek(first, kafka.SeekAbsolute)
		require.NoError(t, err)
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		for at := first; at < last; {
			b := conn.ReadBatch(1, 8<<20)
			for {
				m, err := b.ReadMessage()
				if err != nil {
					break
				}
				at = m.Offset + 1
				out[part] = append(out[part], string(m.Value))
			}
			_ = b.Close()
		}
		_ = conn.Close()
	}
	return out
}

func message(i int) Message {
	return Message{Topic: testTopic, Key: []byte{byte(i % 7)}, Value: fmt.Appendf(nil, "m%04d", i)}
}

// An embedded broker's producer packs with snappy, any other with lz4.
func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name  string
		dial  func(context.Context, string, string) (net.Conn, error)
		codec kafka.Compression
	}{
		{"over TCP", nil, kafka.Lz4},
		{"embedded", (&net.Dialer{}).DialContext, kafka.Snappy},
	} {
		t.Run(c.name, func(t *testing.T) {
			port, dir := freePort(t), t.TempDir()
			cluster := startBroker(t, port, dir)
			defer cluster.Close()
			p := producer(t, port, func(cfg *Config) { cfg.Dial = c.dial })
			var wg sync.WaitGroup
			for i := range 200 {
				wg.Go(func() {
					if err := p.Write(context.Background(), []Message{message(2 * i), message(2*i + 1)}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			seen := map[string]int{}
			for _, part := range values(t, port) {
				for _, v := range part {
					seen[v]++
				}
			}
			require.Len(t, seen, 400)
			for v, n := range seen {
				require.Equal(t, 1, n, v)
			}
			require.Zero(t, p.SpoolBytes())
			require.NoError(t, p.Ready())
			client := &kafka.Client{Addr: kafka.TCP(fmt.Sprintf("127.0.0.1:%d", port)), Transport: p.raw}
			r, err := client.Fetch(t.Context(), &kafka.FetchRequest{Topic: "t." + testTopic, Offset: kafka.FirstOffset, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
			require.NoError(t, err)
			require.NoError(t, r.Error)
			stream, ok := r.Records.(*protocol.RecordStream)
			require.True(t, ok)
			for _, b := range stream.Records {
				require.Equal(t, c.codec, b.(*protocol.RecordBatch).Attributes.Compression())
			}
		})
	}
}

func TestBrokerDiesAndComesBack(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	c := startBroker(t, port, dir)
	p := producer(t, port)
	n := 0
	for ; n < 10; n++ {
		require.NoError(t, p.Write(t.Context(), []Message{message(n)}))
	}
	c.Close()
	for ; n < 60; n++ {
		begin := time.Now()
		require.NoError(t, p.Write(t.Context(), []Message{message(n)}))
		require.Less(t, time.Since(begin), 30*time.Second, "a hang, not a measurement")
	}
	require.Positive(t, p.SpoolBytes())
	c = startBroker(t, port, dir)
	defer func() { c.Close() }()
	require.Eventually(t, func() bool { return p.SpoolBytes() == 0 && p.Ready() == nil }, time.Minute, 20*time.Millisecond)
	for ; n < 70; n++ {
		require.NoError(t, p.Write(t.Context(), []Message{message(n)}))
	}
	seen := map[string]bool{}
	for _, part := range values(t, port) {
		last := ""
		for _, v := range part {
			if !seen[v] {
				require.Greater(t, v, last, "what was spooled is replayed in order")
				last = v
			}
			seen[v] = true
		}
	}
	require.Len(t, seen, 70, "nothing that was acknowledged is missing")
}

func TestSpooledMessagesSurviveARestart(t *testing.T) {
	port, dir, spoolDir := freePort(t), t.TempDir(), t.TempDir()
	at := func(c *Config) { c.SpoolDir = spoolDir }
	p := producer(t, port, at)
	for i := range 5 {
		require.NoError(t, p.Write(t.Context(), []Message{message(i)}))
	}
	require.NoError(t, p.Close(t.Context()))
	c := startBroker(t, port, dir)
	defer c.Close()
	p = producer(t, port, at)
	require.Eventually(t, func() bool { return p.SpoolBytes() == 0 }, time.Minute, 20*time.Millisecond)
	got := values(t, port)
	require.Len(t, append(got[0], got[1]...), 5)
}

func TestNeitherBrokerNorSpool(t *testing.T) {
	port := freePort(t)
	for name, tc := range map[string]struct {
		change func(*Config)
		reason string
	}{
		"no spool":   {func(c *Config) { c.SpoolDir = "" }, "the broker is away"},
		"full spool": {func(c *Config) { c.SpoolBytes = 10 }, "spool is full"},
	} {
		t.Run(name, func(t *testing.T) {
			p := producer(t, port, tc.change)
			_ = p.Write(t.Context(), []Message{message(0)})
			took := time.Hour
			for range 50 {
				begin := time.Now()
				err := p.Write(t.Context(), []Message{message(1)})
				took = min(took, time.Since(begin))
				var away *ErrUnavailable
				require.ErrorAs(t, err, &away)
				require.Positive(t, away.RetryAfter)
				require.Contains(t, err.Error(), tc.reason)
			}
			require.Less(t, took, 50*time.Millisecond)
			require.Equal(t, p.spool == nil, p.Ready() != nil)
		})
	}
}

func TestSilentBroker(t *testing.T) {
	port := freePort(t)
	c := startBroker(t, port, t.TempDir())
	defer c.Close()
	p := producer(t, port, func(c *Config) { c.AckTimeout = 500 * time.Millisecond })
	require.NoError(t, p.Write(t.Context(), []Message{message(0)}))
	release := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		<-release // The whole broker stands still, as under SIGSTOP.
		return nil, nil, false
	})
	for i := 1; i < 5; i++ {
		begin := time.Now()
		require.NoError(t, p.Write(t.Context(), []Message{message(i)}))
		require.Less(t, time.Since(begin), 30*time.Second, "a hang, not a measurement")
	}
	require.Positive(t, p.SpoolBytes())
	close(release)
	require.Eventually(t, func() bool { return p.SpoolBytes() == 0 }, time.Minute, 20*time.Millisecond)
	seen := map[string]bool{}
	for _, part := range values(t, port) {
		for _, v := range part {
			seen[v] = true
		}
	}
	require.Len(t, seen, 5)
}

func TestInFlightBytesAreBounded(t *testing.T) {
	port := freePort(t)
	c := startBroker(t, port, t.TempDir())
	defer c.Close()
	p := producer(t, port, func(c *Config) { c.InFlightBytes = 1000 })
	require.True(t, p.budget.TryAcquire(950))
	err := p.Write(t.Context(), []Message{message(0)})
	var away *ErrUnavailable
	require.ErrorAs(t, err, &away)
	require.Contains(t, away.Reason, "wait for the broker")
	p.budget.Release(950)
	require.NoError(t, p.Write(t.Context(), []Message{message(0)}))
}

// Memory of values is used again once they are durable, not before, and not where
// they went to the spool; what is stored is what was written.
func TestLent(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	cluster := startBroker(t, port, dir)
	p := producer(t, port)
	lend := func(i int) Message {
		m := message(i)
		m.Lent = Lend()
		m.Value = append((*m.Lent)[:0], m.Value...)
		*m.Lent = m.Value
		return m
	}
	var all sync.WaitGroup
	for c := range 8 {
		all.Go(func() {
			for i := range 50 {
				m := []Message{lend(50*c + i), message(1000 + 50*c + i)}
				if err := p.Write(context.Background(), m); err != nil {
					t.Error(err)
				}
				if m[0].Value != nil || m[0].Lent != nil || m[1].Value == nil {
					t.Errorf("%d: taken back: %v", i, m)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, part := range values(t, port) {
		for _, v := range part {
			seen[v]++
		}
	}
	require.Len(t, seen, 800)
	cluster.Close()
	m := []Message{lend(900)}
	require.NoError(t, p.Write(t.Context(), m))
	require.Positive(t, p.SpoolBytes())
	require.Equal(t, "m0900", string(m[0].Value))
}
