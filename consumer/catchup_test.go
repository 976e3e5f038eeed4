package consumer

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/consumer/sink"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
	"errata/schema/tables"
)

func selfCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf reads a process's CPU time; the clock ticks at 100 a second.
func cpuOf(t testing.TB, pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// TestCatchUp measures how fast a backlog goes in. ERRATA_CATCH_UP is the
// number of events; without it nothing is measured.
func TestCatchUp(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ERRATA_CATCH_UP"))
	if err != nil {
		t.Skip("set ERRATA_CATCH_UP=200000 to measure")
	}
	server := clickhousetest.StartIn(t, t.TempDir())
	password := server.Password("errata")
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Addr()}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, tables.Migrate(context.Background(), conn, tables.Options{Password: password}))
	dir := t.TempDir()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SeedTopics(1, append(append([]string{}, schema.Topics...), schema.TopicDead)...))
	require.NoError(t, err)
	defer cluster.Close()
	w := &kafka.Writer{Addr: kafka.TCP(cluster.ListenAddrs()...), Topic: schema.TopicEvents, BatchSize: 1000, BatchTimeout: time.Millisecond, Compression: kafka.Lz4}
	defer w.Close()
	for left := n; left > 0; left -= 5000 {
		var ms []kafka.Message
		for _, v := range benchRecordsFrom(uint64(left), min(left, 5000)) {
			ms = append(ms, kafka.Message{Value: v})
		}
		require.NoError(t, w.WriteMessages(context.Background(), ms...))
	}
	runtime.GC()

	cfg := Defaults()
	cfg.Brokers = cluster.ListenAddrs()
	cfg.ClickHouse = sink.Options{Addrs: []string{server.Addr()}, Password: password}
	for name, field := range map[string]*int{"ERRATA_BATCH_ROWS": &cfg.BatchRows, "ERRATA_BATCH_BYTES": &cfg.BatchBytes, "ERRATA_MEMORY_BYTES": &cfg.MemoryBytes} {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			*field = v
		}
	}
	c, err := New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	self, clicks, started := selfCPU(), cpuOf(t, server.PID()), time.Now()
	go func() { done <- c.Run(ctx) }()
	var peak uint64
	for {
		var stored uint64
		require.NoError(t, conn.QueryRow(context.Background(), "SELECT count() FROM errata.events").Scan(&stored))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		if stored == uint64(n) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(started)
	self, clicks = selfCPU()-self, cpuOf(t, server.PID())-clicks
	cancel()
	require.NoError(t, <-done)
	var blocks uint64
	require.NoError(t, conn.QueryRow(context.Background(), "SELECT uniqExact(_block_number) FROM errata.events").Scan(&blocks))
	t.Logf("%d events in %s: %.0f/s; consumer and broker %.1f us an event, ClickHouse %.1f us an event; about %d blocks; heap at most %d MB",
		n, took.Round(time.Millisecond), float64(n)/took.Seconds(), float64(self.Microseconds())/float64(n), float64(clicks.Microseconds())/float64(n), blocks, peak>>20)
}
