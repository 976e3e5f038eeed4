package queries_test

import (
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
		{"days", "issue_day", "toDate({now:DateTime('UTC')}) - number % 60", 60 * 24 * time.Hour, 61},
		{"hours", "issue_hour", "{now:DateTime('UTC')} - 3600 * (number % 60)", 60 * time.Hour, 61},
	} {
		t.Run(c.name, func(t *testing.T) {
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
			sql, err := q.Statement(q.Steps[0], bound)
			require.NoError(t, err)
			rows, err := s.Conn().Query(clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters(bound))), "EXPLAIN indexes = 1 "+sql)
			require.NoError(t, err)
			defer rows.Close()
			var lines []string
			for rows.Next() {
				var line string
				require.NoError(t, rows.Scan(&line))
				lines = append(lines, line)
			}
			require.Contains(t, strings.Join(lines, "\n"), "ReadFromMergeTree (by_issue)")
			require.NoError(t, s.Exec(t.Context(), "OPTIMIZE TABLE "+c.table+" FINAL", nil))
			require.Len(t, check(), c.points)
			require.NoError(t, s.Exec(t.Context(), "ALTER TABLE "+c.table+" UPDATE events = events + 1 WHERE project_id = 1 AND fingerprint = 7 SETTINGS mutations_sync = 2", nil))
			require.Equal(t, uint64(9), check()[5][1])
		})
	}
}
