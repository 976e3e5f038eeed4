package clickhouse_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhouse"
	"errata/deploy/local/clickhousetest"
)

func open(t *testing.T, addr, user string) *sql.DB {
	t.Helper()
	db := ch.OpenDB(&ch.Options{
		Addr:        []string{addr},
		Auth:        ch.Auth{Username: user, Password: clickhousetest.Passwords[user]},
		DialTimeout: 2 * time.Second,
	})
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, queries ...string) {
	t.Helper()
	for _, q := range queries {
		_, err := db.ExecContext(t.Context(), q)
		require.NoError(t, err, q)
	}
}

func count(t *testing.T, db *sql.DB, query string) (n uint64) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n), query)
	return n
}

func seed(t *testing.T, s *clickhouse.Server) *sql.DB {
	t.Helper()
	db := open(t, s.Addr(), "errata")
	mustExec(t, db,
		"CREATE DATABASE IF NOT EXISTS errata ENGINE = Atomic",
		"CREATE TABLE IF NOT EXISTS errata.events (n UInt64) ENGINE = MergeTree ORDER BY n",
		"CREATE TABLE IF NOT EXISTS errata.issue_actions (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO errata.events SELECT number FROM numbers(1000)")
	return db
}

// alive says whether the process runs; one that only waits to be reaped does
// not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

// TestEngineSettings says that the engine obeys what is written for it: a name
// that it does not know would be skipped in silence.
func TestEngineSettings(t *testing.T) {
	t.Parallel()
	db := open(t, clickhousetest.Shared(t).Addr(), "errata")
	for name, query := range map[string]string{
		"statistics": "SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types' AND value = 'minmax'",
		"allocator":  "SELECT count() FROM system.jemalloc_stats WHERE stats ILIKE '%opt.dirty_decay_ms: 30000%' AND stats LIKE '%opt.thp: \"always\"%' AND stats LIKE '%opt.oversize_threshold: 1099511627776%'",
	} {
		require.EqualValues(t, 1, count(t, db, query), name)
	}
}

// TestDaysAreThoseOfUTC says that rollups by day expire at midnight in UTC, as
// their days are counted, wherever the machine stands.
func TestDaysAreThoseOfUTC(t *testing.T) {
	t.Setenv("TZ", "Pacific/Honolulu")
	db := open(t, clickhousetest.Start(t).Addr(), "errata")
	require.EqualValues(t, 1, count(t, db, "SELECT toUInt64(timezone() = 'UTC')"))
	mustExec(t, db,
		"CREATE TABLE default.by_day (day Date) ENGINE = MergeTree ORDER BY day TTL day + toIntervalDay(90)",
		"INSERT INTO default.by_day SELECT toDate(now('UTC')) - 90 UNION ALL SELECT toDate(now('UTC')) - 88",
		"OPTIMIZE TABLE default.by_day FINAL")
	require.EqualValues(t, 1, count(t, db, "SELECT count() FROM default.by_day"))
}

// TestLargePiecesStay says that memory of one statement is there for the next one:
// pieces of tens of megabytes that went back to the kernel come back page by page.
func TestLargePiecesStay(t *testing.T) {
	t.Parallel()
	db := open(t, clickhousetest.Start(t).Addr(), "errata")
	purged := func() uint64 {
		// Its column is the last one of what has become of dirty pages.
		return count(t, db, "SELECT toUInt64(extract(stats, 'dirty: +(?:N/A|[0-9]+) +[0-9]+ +[0-9]+ +[0-9]+ +([0-9]+)')) FROM system.jemalloc_stats")
	}
	before := purged()
	for range 6 {
		require.Positive(t, count(t, db, "SELECT length(arrayStringConcat(groupArray(toString(number)))) FROM numbers(3000000) SETTINGS max_threads=1"))
	}
	require.Less(t, purged()-before, uint64(100_000), "pages of 4 KiB; 390,000 where they go back at once")
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t)
	seed(t, s)
	for name, tc := range map[string]struct {
		user, query, refusal string // No refusal means that it must work.
	}{
		"reader reads":                    {"reader", "SELECT count() FROM errata.events", ""},
		"reader lowers a limit":           {"reader", "SELECT count() FROM errata.events SETTINGS max_execution_time=5", ""},
		"reader sees the columns":         {"reader", "SELECT count() FROM system.columns WHERE database='errata'", ""},
		"reader cannot raise a limit":     {"reader", "SELECT 1 SETTINGS max_execution_time=3000", "max_execution_time"},
		"reader cannot lift a limit":      {"reader", "SELECT 1 SETTINGS max_rows_to_read=0", "max_rows_to_read"},
		"reader cannot insert":            {"reader", "INSERT INTO errata.events SELECT 1", "ACCESS_DENIED"},
		"reader cannot create":            {"reader", "CREATE TABLE errata.x (n UInt8) ENGINE = Memory", "ACCESS_DENIED"},
		"reader cannot read files":        {"reader", "SELECT * FROM file('/etc/passwd', 'LineAsString')", "ACCESS_DENIED"},
		"reader cannot reach the network": {"reader", "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "ACCESS_DENIED"},
		"reader cannot return it all":     {"reader", "SELECT number FROM numbers(200000)", "Limit for result"},
		"triage reads":                    {"triage", "SELECT count() FROM errata.events", ""},
		"triage acts":                     {"triage", "INSERT INTO errata.issue_actions SELECT 1", ""},
		"triage cannot write events":      {"triage", "INSERT INTO errata.events SELECT 1", "ACCESS_DENIED"},
		"triage cannot drop":              {"triage", "DROP TABLE errata.issue_actions", "ACCESS_DENIED"},
		"default is powerless":            {"default", "SELECT count() FROM errata.events", "ACCESS_DENIED"},
		"default cannot create":           {"default", "CREATE TABLE errata.x (n UInt8) ENGINE = Memory", "ACCESS_DENIED"},
		"no asynchronous inserts":         {"errata", "SELECT throwIf(value != '0') FROM system.settings WHERE name='async_insert'", ""},
		"system logs are off":             {"errata", "SELECT throwIf(count() > 0) FROM system.tables WHERE database='system' AND name LIKE '%_log'", ""},
		"memory is capped":                {"errata", "SELECT throwIf(value != '1073741824') FROM system.server_settings WHERE name='max_server_memory_usage'", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, s.Addr(), tc.user).ExecContext(t.Context(), tc.query)
			if tc.refusal == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, refusalText(tc.refusal))
		})
	}
}

// A server with a gigabyte and a half answers its readers on more than one core.
func TestReadersUseCores(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t)
	rows, err := open(t, s.Addr(), "reader").QueryContext(t.Context(), "EXPLAIN PIPELINE SELECT sum(number) FROM numbers_mt(100000000)")
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		plan = append(plan, line)
	}
	require.NoError(t, rows.Err())
	require.Regexp(t, `AggregatingTransform × [2-9]`, strings.Join(plan, "\n"))
}

// refusalText is what the server says where a right is missing.
func refusalText(s string) string {
	if s == "ACCESS_DENIED" {
		return "Not enough privileges"
	}
	return s
}

func TestDataOutlivesStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := clickhousetest.StartIn(t, dir)
	db := seed(t, first)
	pid := first.PID()
	require.NoError(t, first.Stop())
	require.False(t, alive(pid))
	require.Error(t, db.PingContext(t.Context()))

	second := clickhousetest.StartIn(t, dir)
	db = open(t, second.Addr(), "errata")
	require.EqualValues(t, 1000, count(t, db, "SELECT count() FROM errata.events"))

	// kill -9 of the child: it comes back on the same address with its data.
	require.NoError(t, syscall.Kill(second.PID(), syscall.SIGKILL))
	require.Eventually(t, func() bool { return second.Restarts() == 1 && db.PingContext(t.Context()) == nil },
		30*time.Second, 50*time.Millisecond)
	require.EqualValues(t, 1000, count(t, db, "SELECT count() FROM errata.events"))

	// A SIGTERM to the child alone is a clean end, after which it comes back too.
	require.NoError(t, syscall.Kill(second.PID(), syscall.SIGTERM))
	require.Eventually(t, func() bool { return second.Restarts() == 2 && db.PingContext(t.Context()) == nil },
		30*time.Second, 50*time.Millisecond)
}

// TestParentKilled runs this test binary as the parent, kills it with SIGKILL
// and expects the server to follow and the folder to be free.
func TestParentKilled(t *testing.T) {
	if dir := os.Getenv("ERRATA_TEST_PARENT"); dir != "" {
		s := clickhousetest.StartIn(t, dir)
		seed(t, s)
		fmt.Printf("child=%d\n", s.PID())
		time.Sleep(time.Minute)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	clickhousetest.StartIn(t, t.TempDir()) // Skips here where the library is missing.
	parent := exec.Command(os.Args[0], "-test.run=^TestParentKilled$", "-test.v")
	parent.Env = append(os.Environ(), "ERRATA_TEST_PARENT="+dir)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var seen strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), "child=") {
		n, err := out.Read(buf)
		require.NoError(t, err, seen.String())
		seen.Write(buf[:n])
	}
	_, after, _ := strings.Cut(seen.String(), "child=")
	digits, _, _ := strings.Cut(after, "\n")
	pid, err := strconv.Atoi(digits)
	require.NoError(t, err)
	require.True(t, alive(pid))
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()

	// At once on the same folder: the new child waits for the old one to leave.
	s := clickhousetest.StartIn(t, dir)
	require.False(t, alive(pid), "the child must end with its parent")
	require.EqualValues(t, 1000, count(t, open(t, s.Addr(), "errata"), "SELECT count() FROM errata.events"))
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t)
	busy := s.Addr()
	library, err := clickhouse.FindLibrary()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(busy)
	require.NoError(t, err)
	empty := filepath.Join(t.TempDir(), "libchdb.so")
	require.NoError(t, os.WriteFile(empty, []byte("not a library"), 0o600))
	for name, tc := range map[string]struct {
		change func(*clickhouse.Config)
		want   string
	}{
		"a port in use":         {func(c *clickhouse.Config) { c.NativeAddr = busy }, port},
		"a wrong password":      {func(c *clickhouse.Config) { c.Passwords = map[string]string{"errata": "x"} }, "no password for user reader"},
		"not a library":         {func(c *clickhouse.Config) { c.Library = empty }, "cannot start ClickHouse"},
		"no child":              {func(c *clickhouse.Config) { c.Child = nil }, "no command line"},
		"no such binary":        {func(c *clickhouse.Config) { c.Child = []string{"/nonexistent"} }, "/nonexistent"},
		"an impossible address": {func(c *clickhouse.Config) { c.HTTPAddr = "somewhere" }, "somewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := clickhouse.Config{
				Dir: t.TempDir(), Child: []string{os.Args[0]}, Library: library, Passwords: clickhousetest.Passwords,
				ReadyTimeout: 3 * time.Second,
			}
			tc.change(&cfg)
			_, err := clickhouse.Start(context.Background(), cfg)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
