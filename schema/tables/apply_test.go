package tables_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/schema/tables"
)

func connect(t *testing.T) driver.Conn {
	t.Helper()
	server := clickhousetest.Shared(t)
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Addr()}, Settings: clickhouse.Settings{"async_insert": 0},
		Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: clickhousetest.Passwords["errata"]}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func count(t *testing.T, conn driver.Conn, sql string) uint64 {
	t.Helper()
	var n uint64
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

// Applied, applied again, and applied after a failure in the middle: the same
// schema, and nothing stored is lost.
func TestMigrateRunsAgain(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "again", Password: clickhousetest.Passwords["errata"]}
	var first, second, third bytes.Buffer
	o.Progress = &first
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	all, err := tables.Render(o)
	require.NoError(t, err)
	require.Equal(t, len(all), strings.Count(first.String(), "applied "))
	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO again.events (project_id, ts, fingerprint) VALUES (1, now64(3), 7)"))

	o.Progress = &second
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	require.Empty(t, second.String())
	pending, err := tables.Pending(t.Context(), conn, o)
	require.NoError(t, err)
	require.Empty(t, pending)

	// As if the process had died after the statements and before the record.
	require.NoError(t, conn.Exec(t.Context(), "DELETE FROM again.migrations WHERE name IN ('001_events.sql', '010_issues.sql', 'views/020_issues.sql')"))
	pending, err = tables.Pending(t.Context(), conn, o)
	require.NoError(t, err)
	require.Equal(t, []string{"001_events.sql", "010_issues.sql", "views/020_issues.sql"}, pending)
	o.Progress = &third
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	require.Equal(t, 3, strings.Count(third.String(), "applied "))
	require.EqualValues(t, 1, count(t, conn, "SELECT count() FROM again.events"))
	require.EqualValues(t, 1, count(t, conn, "SELECT sum(events) FROM again.issues"))
}

// What the server counts as an error is what somebody looks at who has one: a
// migration without any counts none.
func TestMigrateCountsNoErrors(t *testing.T) {
	conn := connect(t)
	const parsed = "SELECT sum(value) FROM system.errors WHERE name = 'CANNOT_PARSE_INPUT_ASSERTION_FAILED'"
	before := count(t, conn, parsed)
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Database: "quiet", Password: clickhousetest.Passwords["errata"]}))
	require.Equal(t, before, count(t, conn, parsed))
}

// A table file that was applied must not change; a view may.
func TestMigrateRefusesChangedTables(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "changed", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO changed.migrations VALUES ('views/010_issue_state.sql', 'other', now64(3) + 1)"))
	var progress bytes.Buffer
	o.Progress = &progress
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	require.Equal(t, "applied views/010_issue_state.sql\napplied views/020_issues.sql\n", progress.String(), "a view that changed, and those after it")

	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO changed.migrations VALUES ('001_events.sql', 'other', now64(3) + 1)"))
	err := tables.Migrate(t.Context(), conn, o)
	require.ErrorIs(t, err, tables.ErrChanged)
	require.ErrorContains(t, err, "001_events.sql")
}

// Migrations run while rows come in: no insert fails, none is lost.
func TestMigrateDuringInserts(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "during", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	inserted, failed := uint64(0), error(nil)
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := conn.Exec(context.Background(), "INSERT INTO during.events (project_id, ts, fingerprint, release, trace_id) SELECT 1, now64(3), number, 'a@1.0', 'ff' FROM numbers(100)"); err != nil {
				failed = err
				return
			}
			inserted += 100
		}
	})
	for range 3 {
		require.NoError(t, conn.Exec(t.Context(), "TRUNCATE TABLE during.migrations"))
		require.NoError(t, tables.Migrate(t.Context(), conn, o))
	}
	stop()
	wg.Wait()
	require.NoError(t, failed)
	require.Positive(t, inserted)
	for _, from := range []string{"SELECT count() FROM during.events", "SELECT sum(events) FROM during.issues", "SELECT sum(events) FROM during.issue_day", "SELECT sum(errors) FROM during.trace_index"} {
		require.Equal(t, inserted, count(t, conn, from), from)
	}
}

// Every column says where it comes from.
func TestColumnsAreDescribed(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "described", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	rows, err := conn.Query(t.Context(), `SELECT table, name, comment FROM system.columns
		WHERE database = 'described' AND table IN (SELECT name FROM system.tables WHERE database = 'described' AND engine LIKE '%MergeTree')`)
	require.NoError(t, err)
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var table, name, comment string
		require.NoError(t, rows.Scan(&table, &name, &comment))
		seen++
		require.NotEmpty(t, comment, "%s.%s", table, name)
		switch table {
		case "events", "spans", "logs", "sessions", "check_ins", "monitors", "metrics", "attachments", "feedback", "outcomes", "event_outcomes":
			both := strings.Contains(comment, "Both: ") || strings.Contains(comment, "Sentry: ") && strings.Contains(comment, "OTLP: ")
			require.True(t, both, "%s.%s must name its Sentry and its OTLP source: %s", table, name, comment)
		}
		require.NotContains(t, comment, "service.name@", "a release is service.version as sent")
	}
	require.NoError(t, rows.Err())
	require.Greater(t, seen, 250)

	// People read the views first. One with parameters has no columns of its own.
	rows, err = conn.Query(t.Context(), `SELECT table, name, comment FROM system.columns
		WHERE database = 'described' AND table IN (SELECT name FROM system.tables WHERE database = 'described' AND engine = 'View')`)
	require.NoError(t, err)
	defer rows.Close()
	views := map[string]bool{}
	for rows.Next() {
		var table, name, comment string
		require.NoError(t, rows.Scan(&table, &name, &comment))
		views[table] = true
		require.NotEmpty(t, comment, "%s.%s", table, name)
		from := strings.Contains(comment, "Sentry") && strings.Contains(comment, "OTLP") || strings.Contains(comment, "Both: ") || strings.Contains(comment, "both protocols") ||
			strings.HasPrefix(comment, "Of the triage log: ") || strings.HasPrefix(comment, "Computed: ")
		require.True(t, from, "%s.%s must name its source: %s", table, name, comment)
	}
	require.NoError(t, rows.Err())
	require.Len(t, views, 8)
}

// The cluster form cannot run on the embedded engine; that it parses is what
// can be said here.
func TestClusterFormParses(t *testing.T) {
	conn := connect(t)
	all, err := tables.Render(tables.Options{Cluster: "prod"})
	require.NoError(t, err)
	for _, m := range all {
		for _, s := range m.Statements {
			rows, err := conn.Query(t.Context(), "EXPLAIN AST "+s)
			require.NoError(t, err, "%s: %s", m.Name, s)
			require.NoError(t, rows.Close())
		}
	}
}

func TestTablesAreClean(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "clean", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	// What people query by name must exist.
	for _, name := range []string{"events", "issues", "issue_trend", "spans", "logs", "releases", "traces", "outcomes", "issue_history", "projects", "sessions", "check_ins"} {
		_ = count(t, conn, fmt.Sprintf("SELECT count() FROM clean.%s", name))
	}
	// No public view leaks a type that a driver may not know.
	require.Zero(t, count(t, conn, "SELECT count() FROM system.columns WHERE database = 'clean' AND type LIKE '%AggregateFunction%' AND table IN (SELECT name FROM system.tables WHERE database = 'clean' AND engine = 'View')"))
}
