package clickhouse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
)

// TestKilledInsertIsSentAgain kills the server while blocks with tokens are
// inserted, each tried until it succeeds: every row is there once at the end,
// in the table and in the view that sums it up.
func TestKilledInsertIsSentAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds: not with -short")
	}
	t.Parallel()
	const tables, kills = 6, 10
	s := clickhousetest.StartIn(t, t.TempDir())
	db := open(t, s.Addr(), "errata")
	mustExec(t, db, "CREATE DATABASE errata ENGINE = Atomic")
	for i := range tables {
		mustExec(t, db,
			fmt.Sprintf("CREATE TABLE errata.t%d (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10000", i),
			fmt.Sprintf("CREATE TABLE errata.s%d (k UInt8, c UInt64) ENGINE = SummingMergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 10000", i),
			fmt.Sprintf("CREATE MATERIALIZED VIEW errata.v%d TO errata.s%d AS SELECT 1 AS k, count() AS c FROM errata.t%d GROUP BY k", i, i, i))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	sent := make([]uint64, tables)
	var inserting sync.WaitGroup
	for i := range tables {
		inserting.Go(func() {
			for n := uint64(0); ctx.Err() == nil; n++ {
				token := ch.Context(context.Background(), ch.WithSettings(ch.Settings{"insert_deduplication_token": fmt.Sprint("b", n), "async_insert": 0}))
				for {
					_, err := db.ExecContext(token, fmt.Sprintf("INSERT INTO errata.t%d SELECT %d", i, n))
					if err == nil {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				sent[i] = n + 1
			}
		})
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range kills {
		time.Sleep(time.Duration(300+r.IntN(500)) * time.Millisecond)
		if pid := s.PID(); pid > 0 { // 0, while it starts again, would be this process group.
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	stop()
	inserting.Wait()
	var wrong []string
	for i := range tables {
		rows, sum := count(t, db, fmt.Sprintf("SELECT count() FROM errata.t%d", i)), count(t, db, fmt.Sprintf("SELECT sum(c) FROM errata.s%d", i))
		if rows != sent[i] || sum != sent[i] {
			wrong = append(wrong, fmt.Sprintf("table %d: %d blocks sent, %d rows, %d in the view", i, sent[i], rows, sum))
		}
	}
	require.Empty(t, strings.Join(wrong, "; "))
}

// TestNotedBlockWithoutPart is what a kill between the note of a token and the
// name of its part leaves behind: the block must be taken when it is sent
// again, and the blocks that are there must stay known.
func TestNotedBlockWithoutPart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := clickhousetest.StartIn(t, dir)
	db := open(t, first.Addr(), "errata")
	mustExec(t, db,
		"CREATE DATABASE errata ENGINE = Atomic",
		"CREATE TABLE errata.t (n UInt64) ENGINE = MergeTree ORDER BY n PARTITION BY n % 2 SETTINGS non_replicated_deduplication_window = 100, merge_selecting_sleep_ms = 600000, max_merge_selecting_sleep_ms = 600000",
		"SYSTEM STOP MERGES errata.t")
	send := func(n int) {
		token := ch.Context(context.Background(), ch.WithSettings(ch.Settings{"insert_deduplication_token": fmt.Sprint("b", n), "async_insert": 0}))
		_, err := db.ExecContext(token, fmt.Sprintf("INSERT INTO errata.t SELECT %d", n))
		require.NoError(t, err)
	}
	for n := range 6 {
		send(n)
	}
	require.EqualValues(t, 6, count(t, db, "SELECT count() FROM errata.t"))
	require.NoError(t, first.Stop())
	parts, err := filepath.Glob(filepath.Join(dir, "data", "store", "*", "*", "1_*_*_*"))
	require.NoError(t, err)
	require.Len(t, parts, 3)
	require.NoError(t, os.Rename(parts[2], filepath.Join(filepath.Dir(parts[2]), "tmp_insert_"+filepath.Base(parts[2]))))

	db = open(t, clickhousetest.StartIn(t, dir).Addr(), "errata")
	require.EqualValues(t, 5, count(t, db, "SELECT count() FROM errata.t"))
	for n := range 6 {
		send(n)
	}
	require.EqualValues(t, 6, count(t, db, "SELECT count() FROM errata.t"))
	require.EqualValues(t, 6, count(t, db, "SELECT uniqExact(n) FROM errata.t"))
}
