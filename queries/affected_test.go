package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
)

// Users of an issue are what one statement over all its events gives, in its order: of parts that are
// new, known, merged and changed, of windows that cut days, where many have as many
// events, and where issues are merged and split.
func TestUsersByParts(t *testing.T) {
	t.Parallel()
	const database = "affected"
	owner := storeIn(t, database)
	now := time.Now().UTC().Truncate(time.Millisecond)
	exec := func(sql string) { require.NoError(t, owner.Conn().Exec(t.Context(), sql)) }
	add := func(n int, number uint64) {
		more := randomHeap(now, []uint32{1, 2}, n, number).events
		for i := range more {
			more[i].user = more[i].user * uint64(i%40) * 0x0123456789abcdef // Half of them with the highest bit, some none.
		}
		seed(t, owner, more...)
		exec("ALTER TABLE events UPDATE user_id = concat('user-', toString(user_hash)) WHERE user_hash != 0 AND user_id = '' SETTINGS mutations_sync = 2")
	}
	asked := []*queries.Store{owner, impatient(t, database)}
	check := func(what string) {
		t.Helper()
		for _, c := range []struct {
			issue, limit uint64
			back, until  time.Duration
		}{
			{0x01, 100, 9 * 24 * time.Hour, 0}, {0x02, 100, 12 * 24 * time.Hour, -48 * time.Hour}, {0x12, 1000, 9 * 24 * time.Hour, time.Hour},
			{0x13, 10, 5 * 24 * time.Hour, 40 * time.Hour}, {0x01, 5, 5 * 24 * time.Hour, 0}, {0x03, 100, 20 * time.Hour, 0}, {0x01, 0, 9 * 24 * time.Hour, 0}, {0x99, 10, 9 * 24 * time.Hour, 0},
		} {
			from, to := now.Add(-c.back), now.Add(-c.until)
			const at = "2006-01-02 15:04:05.000"
			want, err := owner.SQL(t.Context(), fmt.Sprintf(`SELECT any(user_id) AS u, sum(toUInt64(weight)) AS n, toString(min(ts)), toString(max(ts) AS b),
				(SELECT uniqCombinedArrayMerge(12)(users) FROM issue_day WHERE project_id = 1 AND dictGetOrDefault('%[1]s.issue_of', 'survivor', (project_id, fingerprint), fingerprint) = %[2]d AND day >= '%[5]s' AND day <= '%[6]s')
				FROM events WHERE project_id = 1 AND dictGetOrDefault('%[1]s.issue_of', 'survivor', (project_id, fingerprint), fingerprint) = %[2]d AND user_hash != 0 AND ts >= '%[3]s' AND ts <= '%[4]s'
				GROUP BY user_hash ORDER BY n DESC, b DESC, u LIMIT %[7]d`, database, c.issue, from.Format(at), to.Format(at), from.Format(time.DateOnly), to.Format(time.DateOnly), c.limit))
			require.NoError(t, err)
			for n, s := range asked {
				r, err := s.Run(t.Context(), "users_affected", map[string]string{"project": "1", "issue": issueHex(c.issue), "from": from.Format(time.RFC3339Nano), "to": to.Format(time.RFC3339Nano), "limit": fmt.Sprint(c.limit)})
				require.NoError(t, err)
				var got [][]any
				for _, row := range rows(r) {
					got = append(got, []any{row["user"], row["events"], row["first_seen"].(time.Time).Format(at), row["last_seen"].(time.Time).Format(at), row["all_users"]})
				}
				require.Equal(t, want.Rows, got, "%s: %+v, store %d", what, c, n)
			}
		}
	}
	triage := func(kind, into string, issues ...string) {
		_, err := owner.Triage(t.Context(), queries.Change{Project: 1, Actor: "ann", Kind: kind, Issues: issues, Into: into})
		require.NoError(t, err)
	}
	add(3000, 71)
	check("new")
	check("known")
	for n := range uint64(3) {
		add(40, 72+n)
	}
	check("more")
	triage(queries.Merge, issueHex(0x12), issueHex(0x11), issueHex(0x14))
	check("issues merged")
	triage(queries.Split, "", issueHex(0x14))
	check("one of them split")
	exec("OPTIMIZE TABLE events FINAL")
	asked = append(asked, impatient(t, database))
	check("parts merged")
	exec("ALTER TABLE events UPDATE user_id = concat(user_id, ' changed') WHERE user_id != '' SETTINGS mutations_sync = 2")
	check("names changed")
	exec("ALTER TABLE events DELETE WHERE level = 'error' SETTINGS mutations_sync = 2")
	check("some deleted")
}
