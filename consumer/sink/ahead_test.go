package sink_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/consumer/sink"
	"errata/schema/tables/insert"
)

func TestSentAhead(t *testing.T) {
	t.Parallel()
	for name, compress := range map[string]bool{"plain": false, "compressed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := "ahead_" + name
			k, conn := reach(t, database, compress)
			const n, size = 2000, 3000
			set := events(t, k, n, size)
			rows := func(of string) (n uint64) {
				require.NoError(t, conn.QueryRow(context.Background(), "SELECT count() FROM "+database+"."+of).Scan(&n))
				return n
			}
			running := func() (n uint64) {
				require.NoError(t, conn.QueryRow(context.Background(), "SELECT count() FROM system.processes WHERE current_database = ? AND query_kind = 'Insert'", database).Scan(&n))
				return n
			}
			waits := func(n uint64) {
				require.Eventually(t, func() bool { return running() == n }, 20*time.Second, 10*time.Millisecond)
			}

			a := k.Send(t.Context(), set.Table(insert.Events), "a")
			waits(1)
			time.Sleep(300 * time.Millisecond) // It has all that it gets.
			require.Zero(t, rows("events"))
			a.Drop()
			waits(0)
			require.Zero(t, rows("events"), "what is given up leaves nothing")
			require.Zero(t, rows("issue_rollup"))

			ctx, cancel := context.WithCancel(t.Context())
			a = k.Send(ctx, set.Table(insert.Events), "a")
			waits(1)
			cancel()
			waits(0)
			require.ErrorIs(t, a.Commit(), context.Canceled)
			require.Zero(t, rows("events"))

			first := events(t, k, 10, 100)
			for range 2 { // The second time its token is known.
				a = k.Send(t.Context(), set.Table(insert.Events), "a")
				require.NoError(t, k.Insert(t.Context(), first.Table(insert.Events), "before"), "while the other waits")
				require.NoError(t, a.Commit())
			}
			require.EqualValues(t, n+10, rows("events"))
			var whole, parts uint64
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT countIf(length(payload) = 3000 AND startsWith(payload, leftPad(toString(topic_offset), 8, '0'))) FROM "+database+".events").Scan(&whole))
			require.EqualValues(t, n, whole)
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE database = ? AND table = 'events' AND level = 0", database).Scan(&parts))
			require.EqualValues(t, 2, parts, "one insert is one part")

			gone := *set.Table(insert.Events)
			gone.SQL = strings.Replace(gone.SQL, "INTO ", "INTO no_such_", 1)
			a = k.Send(t.Context(), &gone, "b")
			time.Sleep(100 * time.Millisecond)
			require.ErrorContains(t, a.Commit(), "UNKNOWN_TABLE", "the server said so before the end was sent")

			require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE "+database+".events ADD CONSTRAINT not_this CHECK title != 'title 7'"))
			_, refused := sink.Refused(k.Send(t.Context(), set.Table(insert.Events), "c").Commit())
			require.True(t, refused)
		})
	}
}
