package consumer_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// ClickHouse hangs for longer than an insert may take: the insert is given up and
// sent again while the first one is still in the server, at any place of its way
// through the tables and views. Once it goes on both do, side by side.
func TestChaosInsertsGivenUp(t *testing.T) {
	if os.Getenv("ERRATA_CHAOS_KILLS") == "" {
		t.Skip("stops a server for some seconds again and again: make chaos runs it")
	}
	server := clickhousetest.StartIn(t, t.TempDir())
	s := newStoreOn(t, server, 2, "errata")
	cfg := s.config()
	cfg.BatchRows, cfg.MinAge, cfg.MaxAge = 120, 5*time.Millisecond, 10*time.Millisecond
	cfg.ClickHouse.Timeout = 2 * time.Second
	s.start(cfg)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const rounds, each = uint64(40), uint64(400)
	for round := range rounds {
		var some []*schema.Record
		for n := range each {
			x := anEvent(round*each + n)
			x.Event.TraceId = traceOf(n)
			x.Event.Timestamp -= int64(n%5) * 7 * 24 * 3_600_000 // Parts of several weeks.
			some = append(some, x)
		}
		s.send(schema.TopicEvents, traceOf(round), some[:each/2]...)
		s.send(schema.TopicEvents, traceOf(round+1), some[each/2:]...)
		time.Sleep(time.Duration(r.IntN(250)) * time.Millisecond)
		require.NoError(t, syscall.Kill(server.PID(), syscall.SIGSTOP))
		time.Sleep(time.Duration(1500+r.IntN(2500)) * time.Millisecond)
		require.NoError(t, syscall.Kill(server.PID(), syscall.SIGCONT))
	}
	s.drained(cfg.Group, func() {})
	const n = rounds * each
	require.Equal(t, n, s.number("SELECT count() FROM events"))
	require.Equal(t, n, s.number("SELECT uniqExact(event_id) FROM events"))
	for _, q := range []string{"sum(quantity) FROM outcomes WHERE outcome = 'accepted'", "sum(quantity) FROM outcomes WHERE outcome IN ('stored', 'twin')",
		"sum(events) FROM issue_rollup", "sum(events) FROM issue_hour", "sum(events) FROM issue_day", "sum(events) FROM project_minute", "sum(events) FROM issue_release",
		"sum(events) FROM release_rollup", "sum(events) FROM issue_tag WHERE key = 'level'", "sum(events) FROM project_tag WHERE key = 'level'", "sum(errors) FROM trace_index"} {
		require.Equal(t, n, s.number("SELECT "+q), q)
	}
	s.balanced()
}

func traceOf(n uint64) string { return fmt.Sprintf("%032x", n+1) }
