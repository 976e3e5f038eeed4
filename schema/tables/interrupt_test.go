package tables_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/schema/tables"
)

// dying is a connection whose process is gone after some statements.
type dying struct {
	driver.Conn
	left int
}

var errDied = errors.New("died")

// Exec counts down.
func (d *dying) Exec(ctx context.Context, query string, args ...any) error {
	if d.left == 0 {
		return errDied
	}
	d.left--
	return d.Conn.Exec(ctx, query, args...)
}

// Killed between statements and run again until it is through: the schema is
// the same as after one quiet run.
func TestMigrateInterrupted(t *testing.T) {
	conn := connect(t)
	at := func(database string) tables.Options {
		return tables.Options{Database: database, Password: clickhousetest.Passwords["errata"]}
	}
	require.NoError(t, tables.Migrate(t.Context(), conn, at("quiet")))
	deaths := 0
	for lives := 9; ; lives += 4 { // Every file has fewer statements than the longest life.
		err := tables.Migrate(t.Context(), &dying{conn, lives}, at("killed"))
		if err == nil {
			break
		}
		require.ErrorIs(t, err, errDied)
		deaths++
	}
	require.Greater(t, deaths, 4)
	shape := func(database string) string {
		var out string
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT arrayStringConcat(arraySort(groupArray(concat(name, ': ', create_table_query))), '\\n') FROM system.tables WHERE database = ?", database).Scan(&out))
		return strings.ReplaceAll(out, database, "errata")
	}
	pending, err := tables.Pending(t.Context(), conn, at("killed"))
	require.NoError(t, err)
	require.Empty(t, pending)
	require.Equal(t, shape("quiet"), shape("killed"))
}
