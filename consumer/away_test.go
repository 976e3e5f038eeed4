package consumer_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// ClickHouse hangs for longer than an insert may take, while two consumers share the
// partitions of an Apache Kafka: meanwhile one of them is stopped cleanly and comes
// again, and the other one is silent for longer than a session. Once ClickHouse goes
// on, all is there as in peace.
func TestChaosClickHouseHangsForMinutes(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" || os.Getenv("ERRATA_CHAOS_KILLS") == "" {
		t.Skip("takes three minutes and starts an Apache Kafka: make chaos runs it")
	}
	s, x, _ := newStoreOnKafka(t)
	cfg := s.config()
	cfg.Log = nil
	cfg.BatchRows, cfg.MinAge, cfg.MaxAge = 400, 20*time.Millisecond, 100*time.Millisecond
	cfg.DuplicateRecords, cfg.DuplicateRows, cfg.TwinRecords = 300, 200, 250
	cfg.SessionTimeout = 6 * time.Second
	outputs := t.TempDir()
	a, b := &child{t: t, cfg: cfg, output: filepath.Join(outputs, "0")}, &child{t: t, cfg: cfg, output: filepath.Join(outputs, "1")}
	x.children = []*child{a, b}
	for _, c := range x.children {
		c.start()
		defer c.kill()
	}
	s.writer.Compression = kafka.Snappy
	seed, began := rand.Uint64(), time.Now()
	t.Logf("seed %d", seed)
	messages := traffic(seed, 8000)
	var producing sync.WaitGroup
	producing.Go(func() {
		for i := 0; i < len(messages); i += 40 {
			for s.writer.WriteMessages(context.Background(), messages[i:min(i+40, len(messages))]...) != nil {
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Until(began.Add(130 * time.Second * time.Duration(i) / time.Duration(len(messages)))))
		}
	})
	note := func(what string) { t.Logf("%.1f s: %s", time.Since(began).Seconds(), what) }
	again := func(c *child) {
		at := time.Now()
		require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, c.cmd.Wait())
		note("stopped cleanly in " + time.Since(at).String())
		c.start()
	}
	time.Sleep(10 * time.Second)
	require.NoError(t, syscall.Kill(x.server.PID(), syscall.SIGSTOP))
	note("ClickHouse hangs")
	time.Sleep(15 * time.Second)
	again(a)
	pause(b.cmd.Process.Pid, cfg.SessionTimeout+3*time.Second)()
	note("the other one was silent")
	again(b)
	time.Sleep(time.Until(began.Add(100 * time.Second)))
	require.NoError(t, syscall.Kill(x.server.PID(), syscall.SIGCONT))
	note("ClickHouse goes on")
	time.Sleep(500 * time.Millisecond)
	again(a)
	producing.Wait()
	s.drained(cfg.Group, func() { x.tell(t, s, cfg.Group) })
	note("all is stored")
	for _, c := range x.children {
		c.kill()
	}
	asInPeace(t, x, s, cfg)
}
