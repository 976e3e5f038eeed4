package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A project may keep more than the 90 days that rollups by the minute and the hour
// do: a trend of a longer window counts each event once, whatever of the rollups is
// older and still there.
func TestTrendsOfMoreThanNinetyDays(t *testing.T) {
	owner, s := store(t, "errata"), store(t, "reader")
	project := newProject()
	now := time.Now().UTC()
	for n, days := range []int{1, 20, 88, 90, 92, 95, 130, 199} {
		require.NoError(t, owner.Conn().Exec(t.Context(), `INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, weight, environment, level, title, payload, retention_days)
			SELECT ?, toDateTime64(?, 3, 'UTC') + number * 100, now64(3), 1 + number % 2, generateUUIDv4(), 1 + number % 3, ['production', 'staging'][number % 2 + 1], 'error', 'T', '{}', 400 FROM numbers(?)`,
			project, now.AddDate(0, 0, -days).Add(-time.Hour).Format(time.DateTime), 5+n))
	}
	day := func(n int) time.Time { return now.AddDate(0, 0, -n).Truncate(24 * time.Hour) }
	for _, w := range []struct{ from, to time.Time }{
		{day(210), now.Truncate(time.Hour)}, {day(131).Add(10*time.Hour + 7*time.Minute), now.Truncate(time.Minute)}, {day(200), day(93)}, {day(92), day(10).Add(31 * time.Minute)}, {day(89), day(0)},
	} {
		window := []string{"from", w.from.Format(time.RFC3339), "to", w.to.Format(time.RFC3339)}
		for _, c := range []struct {
			query, series, which string // As raw rows have it.
			seconds              int
			pairs                []string
		}{
			{"error_trend", "'all'", "1", 86400, []string{"project", text(project)}},
			{"error_trend", "toString(environment)", "1", 3600, []string{"project", text(project), "by", "environment"}},
			{"error_trend", "'all'", "environment = 'staging'", 900, []string{"project", text(project), "environment", "staging"}},
			{"error_trend_split", "'errors'", "1", 86400, []string{"projects", text(project)}},
			{"error_trend_split", "toString(level)", "environment = 'staging'", 300, []string{"projects", text(project), "by", "level", "environment", "staging"}},
			{"error_trend_split", "lower(leftPad(hex(fingerprint), 16, '0'))", "1", 86400, []string{"projects", text(project), "by", "issue"}},
			{"error_trend_split", "lower(leftPad(hex(fingerprint), 16, '0'))", "environment = 'staging'", 3600, []string{"projects", text(project), "by", "issue", "environment", "staging"}},
			{"error_trend_split", "'errors'", "fingerprint = 2", 86400, []string{"projects", text(project), "issue", issueHex(2)}},
			{"issue_trend", "''", "fingerprint = 2", 3600, []string{"project", text(project), "issue", issueHex(2)}},
			{"issue_trend", "''", "fingerprint = 2", 86400, []string{"project", text(project), "issue", issueHex(2), "bucket", "day"}},
		} {
			from, to := w.from, w.to
			pairs := append(append([]string{}, window...), c.pairs...)
			if c.query == "issue_trend" {
				width := time.Duration(c.seconds) * time.Second
				from, to = from.Truncate(width), to.Add(-time.Millisecond).Truncate(width).Add(width) // In whole buckets.
			} else {
				pairs = append(pairs, "bucket_seconds", text(c.seconds))
			}
			var want []string
			raw, err := owner.Conn().Query(t.Context(), fmt.Sprintf(`SELECT toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(%d), 'UTC') AS time, %s AS series, sum(weight) FROM events
				WHERE project_id = ? AND ts >= toDateTime64(?, 3, 'UTC') AND ts < toDateTime64(?, 3, 'UTC') AND %s GROUP BY time, series ORDER BY time, series`, c.seconds, c.series, c.which),
				project, from.Format(time.DateTime), to.Format(time.DateTime))
			require.NoError(t, err)
			for raw.Next() {
				var at time.Time
				var series string
				var n uint64
				require.NoError(t, raw.Scan(&at, &series, &n))
				want = append(want, fmt.Sprint(at.UTC(), " ", series, " ", n))
			}
			require.NoError(t, raw.Err())
			require.NoError(t, raw.Close())
			var got []string
			values := map[string]string{}
			for n := 0; n < len(pairs); n += 2 {
				values[pairs[n]] = pairs[n+1]
			}
			r, err := s.Run(t.Context(), c.query, values)
			require.NoError(t, err)
			for _, row := range rows(r.Pick("time", "series", "events")) {
				series, _ := row["series"].(string)
				if n := row["events"].(uint64); n > 0 {
					got = append(got, fmt.Sprint(row["time"].(time.Time).UTC(), " ", series, " ", n))
				}
			}
			require.Equal(t, want, got, "%s %v", c.query, pairs)
		}
	}
}
