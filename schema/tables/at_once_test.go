package tables_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/schema/tables"
)

// Several at once, as replicas of a deployment start: each of them succeeds,
// from nothing and where only views are replaced.
func TestMigrateAtOnce(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "at_once", Password: clickhousetest.Passwords["errata"]}
	for range 2 {
		var all sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			all.Go(func() { errs[i] = tables.Migrate(t.Context(), conn, o) })
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		pending, err := tables.Pending(t.Context(), conn, o)
		require.NoError(t, err)
		require.Empty(t, pending)
		require.NoError(t, conn.Exec(t.Context(), "INSERT INTO at_once.events (project_id, ts, fingerprint) VALUES (1, now64(3), 7)"))
		require.NoError(t, conn.Exec(t.Context(), "DELETE FROM at_once.migrations WHERE name LIKE 'views/%'"))
	}
	require.EqualValues(t, 2, count(t, conn, "SELECT sum(events) FROM at_once.issues"))
}

// rival is a connection to a server where somebody else migrates: the first try
// of every view fails.
type rival struct {
	driver.Conn
	code  int32
	tried map[string]int
}

// Exec fails once for each view.
func (r *rival) Exec(ctx context.Context, query string, args ...any) error {
	if r.tried[query]++; r.tried[query] == 1 && strings.HasPrefix(query, "CREATE OR REPLACE VIEW") {
		return &clickhouse.Exception{Code: r.code, Message: "external dictionary 'a3f1b569-0553-444f-b264-c31799b124df' not found"}
	}
	return r.Conn.Exec(ctx, query, args...)
}

// What a rival breaks is done again; any other error is told at once.
func TestMigrateBesideRival(t *testing.T) {
	conn := connect(t)
	o := tables.Options{Database: "rival", Password: clickhousetest.Passwords["errata"]}
	other := &rival{conn, 62, map[string]int{}}
	err := tables.Migrate(t.Context(), other, o)
	require.ErrorContains(t, err, "cannot apply migration views/")
	views := 0
	for query, n := range other.tried {
		if strings.HasPrefix(query, "CREATE OR REPLACE VIEW") {
			views++
			require.Equal(t, 1, n)
		}
	}
	require.Equal(t, 1, views)
	require.NoError(t, tables.Migrate(t.Context(), &rival{conn, 36, map[string]int{}}, o))
	pending, err := tables.Pending(t.Context(), conn, o)
	require.NoError(t, err)
	require.Empty(t, pending)
}
