package bench

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/deploy/kafka/kafkatest"
	"errata/deploy/kafka/topics"
	"errata/deploy/local/clickhousetest"
	"errata/ingest/intake"
	"errata/ingest/record"
	"errata/ingest/sentry"
	"errata/ingest/topic"
	"errata/schema"
	"errata/schema/tables"
)

// TestCatchUp measures how fast `errata consume`, a process of its own, stores
// a backlog of the envelopes that errata bench sends: every id, user, time,
// message and breadcrumb different. ERRATA_CATCH_UP is the number of events,
// without it nothing is measured; ERRATA_CATCH_UP_PARTITIONS spreads them
// (default 1); ERRATA_CATCH_UP_KAFKA=1 has them on a real Apache Kafka, on the
// same cores; ERRATA_CATCH_UP_RUNS does it again and again on new topics;
// ERRATA_CATCH_UP_SQL is done once before, statements with semicolons between.
// ERRATA_CATCH_UP_RATE puts that many a second on the topic while the consumer
// runs, instead of all before it starts: what it takes at a steady rate.
// The consumer takes its flags from the environment (ERRATA_BATCH_ROWS ...). TMPDIR
// says on which file system all of it lies (docs/adr/061).
func TestCatchUp(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ERRATA_CATCH_UP"))
	if err != nil {
		t.Skip("set ERRATA_CATCH_UP=200000 to measure")
	}
	number := func(name string, fallback int) int {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return v
		}
		return fallback
	}
	partitions := number("ERRATA_CATCH_UP_PARTITIONS", 1)
	binary := os.Getenv("ERRATA_BINARY")
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "errata")
		out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	server := clickhousetest.StartIn(t, t.TempDir())
	password := server.Password("errata")
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Addr()}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}})
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Password: password}))
	for q := range strings.SplitSeq(os.Getenv("ERRATA_CATCH_UP_SQL"), ";") {
		if strings.TrimSpace(q) != "" {
			require.NoError(t, conn.Exec(t.Context(), q))
		}
	}
	kept := backlog(t, n)
	runs := number("ERRATA_CATCH_UP_RUNS", 1)
	for run := range runs {
		messages := kept
		if run < runs-1 { // What is written is lent to the writer, and used again for something else.
			messages = slices.Clone(kept)
			for i := range messages {
				messages[i].Value, messages[i].Lent = bytes.Clone(messages[i].Value), nil
			}
		}
		address, stop := broker(t, partitions)
		w, err := topic.New(topic.Config{Brokers: []string{address}, AckTimeout: time.Minute}) // As the edge writes: frames have no checksums of their own.
		require.NoError(t, err)
		const step = 50 * time.Millisecond
		rate, batch := number("ERRATA_CATCH_UP_RATE", 0), 1000
		if rate > 0 {
			batch = max(1, int(int64(rate)*int64(step)/int64(time.Second)))
		}
		write := func() error {
			begun := time.Now()
			for i := 0; i < len(messages); i += batch {
				if rate > 0 {
					time.Sleep(time.Until(begun.Add(time.Duration(i/batch) * step)))
				}
				if err := w.Write(t.Context(), messages[i:min(i+batch, len(messages))]); err != nil {
					return err
				}
			}
			return w.Close(t.Context())
		}
		written := make(chan error, 1)
		if rate == 0 {
			require.NoError(t, write())
			written <- nil
		}
		require.NoError(t, conn.Exec(t.Context(), "TRUNCATE TABLE errata.events"))
		if rate == 0 {
			messages = nil
			if run == runs-1 {
				kept = nil
			}
			// What was made for the backlog is not what a broker has: its fetches would
			// be in ever new memory.
			debug.FreeOSMemory()
		}

		child := exec.Command(binary, "consume", "--metrics", "", "--kafka", address, "--clickhouse", server.Addr(), "--password", password)
		var output bytes.Buffer
		child.Stdout, child.Stderr = &output, &output
		clicks, merging, test := cpuOf(t, server.PID()), mergingOf(t, server.PID()), cpuOf(t, os.Getpid())
		started := time.Now()
		require.NoError(t, child.Start())
		if rate > 0 {
			go func() { written <- write() }()
		}
		// The first block is young and the last one waits for its age: the pace is
		// that of the blocks between.
		var stored, firstAt, lastAt uint64
		var first, last time.Time
		for stored < uint64(n) {
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM errata.events").Scan(&stored))
			if first.IsZero() && stored > 0 {
				first, firstAt = time.Now(), stored
			}
			if stored < uint64(n) && stored > lastAt {
				last, lastAt = time.Now(), stored
			}
			require.Less(t, time.Since(started), 10*time.Minute, output.String())
			time.Sleep(50 * time.Millisecond)
		}
		require.NoError(t, <-written)
		took := time.Since(started)
		clicks, merging, test = cpuOf(t, server.PID())-clicks, mergingOf(t, server.PID())-merging, cpuOf(t, os.Getpid())-test
		peak := peakOf(t, child.Process.Pid)
		require.NoError(t, child.Process.Signal(syscall.SIGTERM))
		require.NoError(t, child.Wait(), output.String())
		stop()
		self := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
		each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
		var parts uint64
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE active AND database = 'errata' AND table = 'events'").Scan(&parts))
		t.Logf("run %d: %d events, %d partitions, in %s: %.0f/s, between the first and the last block %.0f/s; CPU us an event: consumer %.1f, ClickHouse %.1f and merging %.1f, broker of the test %.1f; at most resident: consumer %s, ClickHouse %s; %d parts",
			run+1, n, partitions, took.Round(time.Millisecond), float64(n)/took.Seconds(), float64(lastAt-firstAt)/last.Sub(first).Seconds(), each(self), each(clicks-merging), each(merging), each(test), peak, peakOf(t, server.PID()), parts)
	}
}

// broker runs one with the store's topics in so many partitions, until stop.
func broker(t *testing.T, partitions int) (address string, stop func()) {
	t.Helper()
	if os.Getenv("ERRATA_CATCH_UP_KAFKA") != "1" {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(t.TempDir()),
			kfake.SeedTopics(int32(partitions), append(append([]string{}, schema.Topics...), schema.TopicDead)...))
		require.NoError(t, err)
		return cluster.ListenAddrs()[0], cluster.Close
	}
	b := kafkatest.Start(t)
	require.NoError(t, topics.Ensure(t.Context(), topics.Options{Brokers: []string{b.Addr}, Partitions: partitions, Replication: 1}))
	return b.Addr, func() { b.Stop(t) }
}

// backlog is what the edge makes of n envelopes of the generator.
func backlog(t testing.TB, n int) []topic.Message {
	t.Helper()
	c := Config{Events: n, DSN: "http://0123456789abcdef0123456789abcdef@127.0.0.1:1/1"}
	require.NoError(t, c.check())
	l, err := newLoad(&c)
	require.NoError(t, err)
	p, err := intake.NewProject(schema.Project{ID: 1, RetentionDays: 90})
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	at := time.Now()
	req := &intake.Request{Project: p, Key: l.key, ClientIP: "203.0.113.7", Query: func(string) string { return "" }}
	out := make([]topic.Message, 0, n)
	var body []byte
	for i := range n {
		req.ReceivedAt = at.Add(time.Duration(i) * 100 * time.Microsecond)
		body = l.body(body[:0], []occurrence{newOccurrence(r, c.Users, req.ReceivedAt)}, r)
		b, _, err := sentry.Envelope(req, body)
		require.NoError(t, err)
		messages, err := record.Cut(b)
		require.NoError(t, err)
		out = append(out, messages...)
	}
	return out
}

// peakOf is the most memory that a process had resident.
func peakOf(t testing.TB, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, "\n")
	return strings.TrimSpace(peak)
}

// cpuOf reads a process's CPU time; the clock ticks at 100 a second.
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	return cpuIn(t, raw)
}

// mergingOf reads that of a server's threads that merge: how much of it falls into
// a run depends on how long the run is.
func mergingOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	require.NoError(t, err)
	var sum time.Duration
	for _, name := range threads {
		if raw, err := os.ReadFile(name); err == nil && bytes.Contains(raw, []byte("(MergeMutate)")) {
			sum += cpuIn(t, raw)
		}
	}
	return sum
}

func cpuIn(t testing.TB, raw []byte) time.Duration {
	t.Helper()
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+2:]))
	user, err := strconv.Atoi(f[11])
	require.NoError(t, err)
	system, err := strconv.Atoi(f[12])
	require.NoError(t, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}
