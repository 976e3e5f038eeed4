package clickhouse_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// A question that comes again is not compiled on the way: who asks it the third
// time would wait for that.
func TestReaderDoesNotCompile(t *testing.T) {
	s := clickhousetest.Shared(t)
	open := func(user string) *queries.Store {
		c, err := queries.Open(t.Context(), queries.Config{Addr: s.Addr(), Database: "default", User: user, Password: clickhousetest.Passwords[user]})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	reader := open("reader")
	for range 6 {
		_, err := reader.SQL(t.Context(), "SELECT number % 7 * 3 + number % 5 AS k, sum(number * 2 + 1), avg(number + 3) FROM system.numbers WHERE number < 1000 GROUP BY k ORDER BY k + 1 LIMIT 10")
		require.NoError(t, err)
	}
	r, err := open("errata").SQL(t.Context(), "SELECT sum(value) FROM system.events WHERE event = 'CompileFunction'")
	require.NoError(t, err)
	require.Zero(t, r.Rows[0][0])
}
