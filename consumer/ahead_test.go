package consumer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/consumer"
	"errata/schema"
)

// Full blocks are sent while others are stored. What is stored is the same where
// ClickHouse takes nothing for a while, and where it refuses rows of a block whose
// next one is under way.
func TestFullBlocksGoAhead(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	ctx := context.Background()
	require.NoError(t, s.conn.Exec(ctx, "ALTER TABLE events ADD CONSTRAINT sane CHECK title != 'poison'"))
	const n, each = 4000, 1000
	send := func(from uint64) {
		var all []*schema.Record
		for i := range uint64(each) {
			e := anEvent(from + i)
			if (from+i)%731 == 0 {
				e.Event.Title = "poison"
			}
			all = append(all, e)
			if i%10 == 0 {
				all = append(all, e)
			}
		}
		s.send(schema.TopicEvents, "a", all...)
	}
	const poisoned = 6 // Of 0, 731, ... 3655.
	send(0)
	send(each)
	cfg := s.config()
	cfg.BatchRows = 150
	c, err := consumer.New(cfg)
	require.NoError(t, err)
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.Run(run) }()
	s.eventually(2*each-3, "SELECT count() FROM events")
	before := metric(t, c, "errata_consumer_blocks_ahead_total")
	require.Positive(t, before)

	failed := metric(t, c, "errata_consumer_failed_attempts_total")
	require.NoError(t, s.conn.Exec(ctx, "ALTER TABLE events MODIFY SETTING max_parts_in_total = 0"))
	send(2 * each)
	send(3 * each)
	require.Eventually(t, func() bool { return metric(t, c, "errata_consumer_failed_attempts_total") > failed+2 }, 60*time.Second, 20*time.Millisecond)
	require.NoError(t, s.conn.Exec(ctx, "ALTER TABLE events RESET SETTING max_parts_in_total"))
	s.eventually(n-poisoned, "SELECT count() FROM events")
	s.eventually(n-poisoned, "SELECT sum(events) FROM issue_rollup")
	s.eventually(n/10-1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'")
	require.Greater(t, metric(t, c, "errata_consumer_blocks_ahead_total"), before)
	cancel()
	require.NoError(t, <-done)
	require.EqualValues(t, n-poisoned, s.number("SELECT uniqExact(event_id) FROM events"))
	s.balanced()
}
