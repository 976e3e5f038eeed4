package sink_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
	"errata/schema/tables"
	"errata/schema/tables/insert"
)

// The shared server outlives the tests: what waits for it is no leak.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("errata/deploy/local/supervise.(*Process).keep"), goleak.IgnoreAnyFunction("errata/deploy/local/clickhouse.(*gate).serve.func1"), goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// away is a sink that compresses, as for a ClickHouse on another machine, and its database.
func away(t *testing.T, database string) (*sink.Sink, driver.Conn) {
	t.Helper()
	return reach(t, database, true)
}

func reach(t *testing.T, database string, compress bool) (*sink.Sink, driver.Conn) {
	t.Helper()
	server := clickhousetest.Shared(t)
	password := server.Password("errata")
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Addr()}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Database: database, Password: password}))
	k, err := sink.New(sink.Options{Addrs: []string{server.Addr()}, Database: database, Password: password, Compress: &compress})
	require.NoError(t, err)
	t.Cleanup(k.Close)
	return k, conn
}

// events fills a set with n events whose payloads have size bytes each.
func events(t *testing.T, k *sink.Sink, n, size int) *table.Set {
	t.Helper()
	types, err := k.Types(t.Context())
	require.NoError(t, err)
	set, err := table.NewSet(types)
	require.NoError(t, err)
	filler := strings.Repeat("breadcrumb and context ", size/23+1)
	now := time.Now().UnixMilli()
	for i := range n {
		e := &schema.Event{EventId: make([]byte, 16), Timestamp: now, Type: "error", Title: fmt.Sprint("title ", i), Environment: fmt.Sprint("e", i%3), TraceId: fmt.Sprintf("%032x", i),
			Tags: []*schema.Tag{{Key: "k", Value: fmt.Sprint(i % 7)}}, Payload: []byte(fmt.Sprintf("%08d", i) + filler[:size-8])}
		binary.BigEndian.PutUint64(e.EventId, uint64(i+1))
		set.Event(&table.Origin{ProjectID: 1, ReceivedAt: now, RetentionDays: 90, Offset: int64(i)}, e, table.Counted{Weight: 1, Fingerprint: 1})
	}
	return set
}

func TestCompressedBlockArrivesWhole(t *testing.T) {
	k, conn := away(t, "stream_whole")
	const n, size = 3000, 5000
	set := events(t, k, n, size)
	for range 2 { // The second time its token is known.
		require.NoError(t, k.Insert(t.Context(), set.Table(insert.Events), "a"))
	}
	var rows, titles, payloads, tags uint64
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(), uniqExact(title),
		countIf(length(payload) = 5000 AND startsWith(payload, leftPad(toString(topic_offset), 8, '0'))), uniqExact(tags) FROM stream_whole.events`).Scan(&rows, &titles, &payloads, &tags))
	require.Equal(t, []uint64{n, n, n, 7}, []uint64{rows, titles, payloads, tags})
	var blocks uint64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE database = 'stream_whole' AND table = 'events' AND level = 0").Scan(&blocks))
	require.EqualValues(t, 1, blocks, "one insert is one part")
}

// A block of a backlog holds over a hundred megabytes; neither it nor its
// compressed form may be in memory as a whole. A connection keeps its buffers.
func TestCompressedBlockTakesLittleMemory(t *testing.T) {
	k, _ := away(t, "stream_memory")
	const n, size = 8000, 5000
	set := events(t, k, n, size)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	require.NoError(t, k.Insert(t.Context(), set.Table(insert.Events), "a"))
	require.Less(t, heap(), before+n*size/8, "bytes kept of a block of %d", n*size)
	runtime.KeepAlive(set)
}

func TestCompressedInsertFails(t *testing.T) {
	k, conn := away(t, "stream_fails")
	set := events(t, k, 200, 1000)
	t.Run("refused rows are named by the server", func(t *testing.T) {
		require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE stream_fails.events ADD CONSTRAINT not_this CHECK title != 'title 7'"))
		err := k.Insert(t.Context(), set.Table(insert.Events), "a")
		reason, refused := sink.Refused(err)
		require.True(t, refused, "%v", err)
		require.Contains(t, reason, "not_this")
		require.NotContains(t, reason, "Column values", "what the row holds is for no log")
		require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE stream_fails.events DROP CONSTRAINT not_this"))
	})
	t.Run("no table", func(t *testing.T) {
		gone := *set.Table(insert.Events)
		gone.SQL = strings.Replace(gone.SQL, "INTO ", "INTO no_such_", 1)
		require.ErrorContains(t, k.Insert(t.Context(), &gone, "a"), "UNKNOWN_TABLE")
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, k.Insert(ctx, set.Table(insert.Events), "a"), context.Canceled)
	})
	t.Run("and then it goes on", func(t *testing.T) {
		require.NoError(t, k.Insert(t.Context(), set.Table(insert.Events), "a"))
		var rows uint64
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM stream_fails.events").Scan(&rows))
		require.EqualValues(t, 200, rows)
	})
}
