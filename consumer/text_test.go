package consumer_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// TestWordsOfYoungParts says that words are found before the first merge makes
// the index of text, after it, and where parts of both kinds are read.
func TestWordsOfYoungParts(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	send := func(from, to uint64) {
		var all []*schema.Record
		for n := from; n < to; n++ {
			r := anEvent(n)
			r.Event.Title = fmt.Sprintf("Errand %d refused", n)
			all = append(all, r)
		}
		s.send(schema.TopicEvents, "a", all...)
	}
	indexed := func() uint64 {
		return s.number("SELECT sum(data_compressed_bytes) FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'events' AND name = 'ix_text'")
	}
	const words = "SELECT count() FROM events WHERE hasAllTokens(lower(concat(title, ' ', message)), %s)"
	require.NoError(t, s.conn.Exec(context.Background(), "SYSTEM STOP MERGES events"))
	send(0, 100)
	s.start(s.config())
	s.eventually(100, "SELECT count() FROM events")
	require.Zero(t, indexed(), "an insert does not pay for the index")
	require.EqualValues(t, 100, s.number(fmt.Sprintf(words, "'errand'")))
	require.EqualValues(t, 1, s.number(fmt.Sprintf(words, "'errand 42'")))

	require.NoError(t, s.conn.Exec(context.Background(), "SYSTEM START MERGES events"))
	require.NoError(t, s.conn.Exec(context.Background(), "OPTIMIZE TABLE events FINAL"))
	require.NoError(t, s.conn.Exec(context.Background(), "SYSTEM STOP MERGES events"))
	require.NotZero(t, indexed(), "a merge makes the index")
	send(100, 120)
	s.eventually(120, "SELECT count() FROM events")
	require.EqualValues(t, 120, s.number(fmt.Sprintf(words, "'errand'")))
	require.EqualValues(t, 1, s.number(fmt.Sprintf(words, "'errand 42'")))
	require.EqualValues(t, 1, s.number(fmt.Sprintf(words, "'errand 110'")))
}
