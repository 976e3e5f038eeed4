package queries_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/catalog"
)

// The days and hours of one issue of a large project come from the projections
// that are sorted by issue, say the same as the tables, and go on doing so when
// rows of one key are merged and when regrouping rewrites them.
func TestTrendReadsByIssue(t *testing.T) {
	// One moment for all of it: an hour or a day that begins meanwhile is another
	// row of one insert, and another window.
	now := time.Now().UTC().Truncate(time.Hour)
	for _, c := range []struct {
		name, table, column string
		from                time.Duration
		points              int
	}{
		{"days", "issue_day", "toDate({now:DateTime('UTC')}) - number % 60", 60 * 24 * time.Hour, 60},
		{"hours", "issue_hour", "{now:DateTime('UTC')} - 3600 * (number % 60)", 60 * time.Hour, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := now
			if c.name == "days" { // A window of whole days, whatever hour it is.
				now = now.Truncate(24 * time.Hour)
			}
			database := "by_issue_" + c.name
			s := storeIn(t, database)
			bucket := strings.TrimSuffix(c.name, "s")
			insert := `INSERT INTO ` + c.table + ` (project_id, ` + bucket + `, fingerprint, environment, release, events, users)
				SELECT 1, ` + c.column + `, intDiv(number, 60) % 1000, ['production', 'staging'][number % 2 + 1], 'shop@1', count() + 1, uniqCombinedArrayState(12)([number, number + 1])
				FROM numbers(120000) GROUP BY number`
			values := map[string]string{"project": "1", "issue": issueHex(7), "from": now.Add(-c.from).Format(time.RFC3339), "to": now.Format(time.RFC3339), "bucket": bucket}
			q, err := catalog.Lookup("issue_trend")
			require.NoError(t, err)
			check := func() [][]any {
				t.Helper()
				got, err := s.Run(t.Context(), "issue_trend", values)
				require.NoError(t, err)
				plain, err := queries.Open(t.Context(), queries.Config{Addr: clickhousetest.Shared(t).Addr(), Database: database, User: "errata", Password: clickhousetest.Passwords["errata"], Settings: map[string]any{"optimize_use_projections": 0}})
				require.NoError(t, err)
				defer plain.Close()
				want, err := plain.Run(t.Context(), "issue_trend", values)
				require.NoError(t, err)
				require.Equal(t, want.Rows, got.Rows)
				return got.Rows
			}
			for n := range 2 {
				require.NoError(t, s.Exec(t.Context(), insert, map[string]string{"now": now.Format(time.DateTime)}))
				rows := check()
				require.Equal(t, []any{uint64(4 * (n + 1)), uint64(4)}, rows[5][1:], "two rows of two events each time; users are the same")
			}
			bound, err := q.Bind(values, time.Now())
			require.NoError(t, err)
			sql, err := q.Statement(q.Steps[len(q.Steps)-1], bound)
			require.NoError(t, err)
			require.Contains(t, explained(t, s, sql, bound), "ReadFromMergeTree (by_issue)")
			// And so do the parts that are kept.
			parts, err := s.SQL(t.Context(), "SELECT groupArray(DISTINCT _part) FROM "+c.table)
			require.NoError(t, err)
			names, err := catalog.ArrayText([]any{parts.Rows[0][0].([]string)[0], parts.Rows[0][0].([]string)[1]})
			require.NoError(t, err)
			maps.Copy(bound, map[string]string{"names": names, "page": "[7]", "span": fmt.Sprintf("[%d,%d]", now.Add(-c.from).UnixMilli(), now.UnixMilli())})
			sql, err = q.Statement(q.Steps[slices.IndexFunc(q.Steps, func(s catalog.Step) bool { return s.Name == "points" })], bound)
			require.NoError(t, err)
			require.Contains(t, explained(t, s, sql, bound), "ReadFromMergeTree (by_issue)")
			require.NoError(t, s.Exec(t.Context(), "OPTIMIZE TABLE "+c.table+" FINAL", nil))
			require.Len(t, check(), c.points)
			require.NoError(t, s.Exec(t.Context(), "ALTER TABLE "+c.table+" UPDATE events = events + 1 WHERE project_id = 1 AND fingerprint = 7 SETTINGS mutations_sync = 2", nil))
			require.Equal(t, uint64(9), check()[5][1])
		})
	}
}

// explained is how a statement is read.
func explained(t *testing.T, s *queries.Store, sql string, bound map[string]string) string {
	t.Helper()
	rows, err := s.Conn().Query(clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters(bound))), "EXPLAIN indexes = 1 "+sql)
	require.NoError(t, err)
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// The trend of one issue is what going through all events gives: by the hour and
// the day, of one environment or all, with users of buckets that several parts
// have; after inserts, merges of parts and merges of issues, asked twice each.
func TestTrendOfAnIssue(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "trend_of_an_issue")
	now := time.Now().UTC().Truncate(time.Hour).Add(7*time.Minute + 300*time.Millisecond)
	h := heap{into: map[uint64]uint64{}}
	add := func(n int, number uint64) {
		more := randomHeap(now, []uint32{1, 2}, n, number).events
		for i := range more {
			more[i].ts = now.Add(-3 * now.Sub(more[i].ts)).Truncate(time.Millisecond)
		}
		h.events = append(h.events, more...)
		seed(t, owner, more...)
	}
	check := func(what string) {
		t.Helper()
		some := 0
		for n, w := range [][2]time.Time{{now.Add(-26 * time.Hour), now}, {now.Add(-30 * 24 * time.Hour), now}, {now.Add(-9 * 24 * time.Hour), now.Add(-2 * 24 * time.Hour)}, {now.Add(-90 * 24 * time.Hour), now}, {now, now}, {now.Add(-time.Hour), now.Add(30 * time.Hour)}} {
			for bucket, width := range map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour} {
				for _, f := range []uint64{0x01, 0x02, 0x999} {
					environment, release := []string{"", "staging"}[n%2], []string{"", "shop@1.1.0"}[n/2%2]
					events, people := map[time.Time]uint64{}, map[time.Time]map[uint64]bool{}
					for _, e := range h.events {
						at := e.ts.Truncate(width)
						if e.project != 1 || h.issue(e.fingerprint) != f || at.Before(w[0].Truncate(width)) || at.After(w[1]) || environment != "" && e.environment != environment || release != "" && e.release != release {
							continue
						}
						events[at] += e.count()
						if people[at] == nil {
							people[at] = map[uint64]bool{}
						}
						for _, u := range append([]uint64{e.user}, e.users...) {
							if u != 0 {
								people[at][u] = true
							}
						}
					}
					var want [][]any
					for at := w[0].Truncate(width); !at.After(w[1]); at = at.Add(width) {
						want = append(want, []any{at, events[at], uint64(len(people[at]))})
						some += int(events[at]) //nolint:gosec // Small.
					}
					values := map[string]string{"project": "1", "issue": issueHex(f), "from": w[0].Format(time.RFC3339Nano), "to": w[1].Format(time.RFC3339Nano), "bucket": bucket, "environment": environment, "release": release}
					for range 2 {
						r, err := owner.Run(t.Context(), "issue_trend", values)
						require.NoError(t, err)
						require.Equal(t, want, r.Rows, "%s: %v", what, values)
						require.Equal(t, "time DateTime('UTC'),events UInt64,users UInt64", fields(r))
					}
				}
			}
		}
		require.Greater(t, some, 100)
	}
	add(500, 41)
	check("new")
	add(300, 42)
	check("more parts")
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE issue_hour FINAL"))
	check("parts merged")
	_, err := owner.Triage(t.Context(), queries.Change{Kind: queries.Merge, Project: 1, Actor: "ann", Issues: []string{issueHex(0x11), issueHex(0x13)}, Into: issueHex(0x01)})
	require.NoError(t, err)
	h.into = map[uint64]uint64{0x11: 0x01, 0x13: 0x01}
	check("issues merged")
}

func fields(r *queries.Result) string {
	var out []string
	for _, c := range r.Columns {
		out = append(out, c.Name+" "+c.Type)
	}
	return strings.Join(out, ",")
}
