package block

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/consumer/sink"
	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/schema/tables"
)

// TestABlockAgainAfterAKill sends blocks again to a server that took them and
// was killed, the first time since its tables were made: all tables and views
// know them. A view whose query was modified does not.
func TestABlockAgainAfterAKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a server: not with -short")
	}
	t.Parallel()
	server := clickhousetest.StartIn(t, t.TempDir())
	password := server.Password("errata")
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Addr()}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}})
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Password: password}))
	s, err := sink.New(sink.Options{Addrs: []string{server.Addr()}, Database: "errata", Password: password})
	require.NoError(t, err)
	defer s.Close()
	types, err := s.Types(t.Context())
	require.NoError(t, err)
	w := benchWindows()
	var blocks []*Block
	send := func() {
		for n, b := range blocks {
			for _, table := range b.Set.Tables() {
				require.Eventually(t, func() bool {
					return table.Rows() == 0 || s.Insert(context.Background(), table, fmt.Sprintf("block-%d/%s", n, table.Table)) == nil
				}, time.Minute, 20*time.Millisecond)
			}
		}
	}
	for n := range 3 {
		b, err := New(types)
		require.NoError(t, err)
		b.Reset(int64(n) * 100)
		for i, record := range benchRecordsFrom(uint64(n), 100) {
			b.Add(w, 0, Message{Offset: int64(n*100 + i), At: time.Now(), Value: record})
		}
		blocks = append(blocks, b)
		send()
		require.NoError(t, syscall.Kill(server.PID(), syscall.SIGKILL))
		send()
	}
	q, err := queries.Open(t.Context(), queries.Config{Addr: server.Addr(), User: "errata", Password: password})
	require.NoError(t, err)
	defer func() { _ = q.Close() }()
	r, err := q.Run(t.Context(), "check_counts", nil)
	require.NoError(t, err)
	require.Greater(t, len(r.Rows), 10)
	for n, v := range r.Column("verdict") {
		require.Equal(t, "ok", v, "%v", r.Rows[n])
	}
}
