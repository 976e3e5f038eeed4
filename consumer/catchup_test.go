package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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
	cfg := Defaults()
	cfg.Brokers = cluster.ListenAddrs()
	cfg.ClickHouse = sink.Options{Addrs: []string{server.Addr()}, Password: password}
	for name, field := range map[string]*int{"ERRATA_BATCH_ROWS": &cfg.BatchRows, "ERRATA_BATCH_BYTES": &cfg.BatchBytes, "ERRATA_MEMORY_BYTES": &cfg.MemoryBytes} {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			*field = v
		}
	}
	// In a process of its own, as `errata consume`: its memory and CPU time are
	// the consumer's alone.
	raw, err := json.Marshal(cfg)
	require.NoError(t, err)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "ERRATA_TEST_CONSUMER="+string(raw), "GOMEMLIMIT=226MiB")
	child.Stderr = os.Stderr
	clicks, started := cpuOf(t, server.PID()), time.Now()
	require.NoError(t, child.Start())
	for stored := uint64(0); stored != uint64(n); time.Sleep(20 * time.Millisecond) {
		require.NoError(t, conn.QueryRow(context.Background(), "SELECT count() FROM errata.events").Scan(&stored))
	}
	took := time.Since(started)
	clicks = cpuOf(t, server.PID()) - clicks
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", child.Process.Pid))
	require.NoError(t, err)
	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	require.NoError(t, child.Wait())
	self := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, "\n")
	t.Logf("%d events in %s: %.0f/s; consumer %.1f us an event and at most %s resident, ClickHouse %.1f us an event",
		n, took.Round(time.Millisecond), float64(n)/took.Seconds(), float64(self.Microseconds())/float64(n), strings.TrimSpace(peak), float64(clicks.Microseconds())/float64(n))
}
