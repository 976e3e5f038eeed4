package queries_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
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

// A short window long ago has the issues that a long one has of its days: hours are
// not kept so long, though some may be there still.
func TestIssuesOfADayLongAgo(t *testing.T) {
	t.Parallel()
	owner, s := store(t, "errata"), store(t, "reader")
	project := newProject()
	day := time.Now().UTC().AddDate(0, 0, -120).Truncate(24 * time.Hour)
	require.NoError(t, owner.Conn().Exec(t.Context(), `INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, weight, environment, level, title, payload, retention_days, user_hash)
		SELECT ?, toDateTime64(?, 3, 'UTC') + number * 10000, now64(3), 1 + number % 2, generateUUIDv4(), 1, 'production', 'error', 'T', '{}', 400, number + 1 FROM numbers(5)`, project, day.Format(time.DateTime)))
	for _, sort := range []string{"events", "users", "trend", "last_seen"} {
		for _, window := range []time.Duration{24 * time.Hour, 50 * time.Hour, 7 * 24 * time.Hour} {
			got := ask(t, s, project, "issue_list", "issue window_events users matches", "sort", sort, "from", day.Add(10*time.Hour).Format(time.RFC3339), "to", day.Add(window).Format(time.RFC3339))
			require.ElementsMatch(t, []string{issueHex(1) + " | 3 | 3 | 2", issueHex(2) + " | 2 | 2 | 2"}, got, "%s %s", sort, window)
		}
	}
	trend := ask(t, s, project, "issue_list", "trend", "from", day.Add(10*time.Hour).Format(time.RFC3339), "to", day.Add(48*time.Hour).Format(time.RFC3339), "limit", "1")
	require.Equal(t, []string{"[3 0]"}, trend)
}

// Whether a project keeps more than 90 days is what its rows say, not its setting.
func TestWhoKeepsMoreThanNinetyDays(t *testing.T) {
	t.Parallel()
	owner, s := store(t, "errata"), store(t, "reader")
	q, err := catalog.Lookup("issue_list")
	require.NoError(t, err)
	for _, table := range []string{"events", "spans", "logs"} {
		project := newProject()
		for _, c := range []struct{ days, rows int }{{90, 0}, {91, 1}} {
			require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO "+table+" (project_id, ts, retention_days) VALUES (?, now(), ?)", project, c.days))
			bound, err := q.Bind(map[string]string{"project": text(project), "from": "-200d"}, time.Now())
			require.NoError(t, err)
			got, err := s.Conn().Query(clickhouse.Context(t.Context(), clickhouse.WithParameters(bound)), q.AskKeptLonger(bound))
			require.NoError(t, err)
			n := 0
			for got.Next() {
				n++
			}
			require.NoError(t, got.Err())
			require.NoError(t, got.Close())
			require.Equal(t, c.rows, n, "%s of %d days", table, c.days)
		}
	}
}

// What has rollups of 90 days counts what a project keeps longer: transactions, tags
// of an issue, lists of traces.
func TestAnswersOfMoreThanNinetyDays(t *testing.T) {
	t.Parallel()
	owner, s := store(t, "errata"), store(t, "reader")
	project := newProject()
	now := time.Now().UTC()
	exec := func(sql string, args ...any) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), sql, args...))
	}
	for n, days := range []int{2, 60, 95, 180} {
		at := now.AddDate(0, 0, -days).Truncate(time.Hour).Format(time.DateTime)
		trace := fmt.Sprintf("%030x%02x", project, n)
		exec(`INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, weight, environment, service, level, title, payload, retention_days, trace_id, tags)
			SELECT ?, toDateTime64(?, 3, 'UTC') + number, now64(3), 1 + number % 2, generateUUIDv4(), [0, 1, 3][number % 3 + 1], 'production', 'shop', 'error', 'T', '{}', 400, ?, map('plan', ['pro', 'free'][number % 2 + 1]) FROM numbers(6)`, project, at, trace)
		exec(`INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, is_segment, duration_us, status, environment, sample_weight, retention_days)
			SELECT ?, toDateTime64(?, 6, 'UTC') + number, ?, toString(number), 'shop', ['GET /', 'child'][(number > 3) + 1], number < 4, 1000 * (number + 1), ['ok', 'error'][number % 2 + 1], 'production', 2, 400 FROM numbers(5)`, project, at, trace)
		exec("INSERT INTO logs (project_id, ts, trace_id, service, body, retention_days) SELECT ?, toDateTime64(?, 6, 'UTC'), ?, 'api', 'text', 400", project, at, trace)
	}
	of := func(days int) []string {
		day := now.AddDate(0, 0, -days).Truncate(24 * time.Hour)
		return []string{"from", day.Format(time.RFC3339), "to", day.AddDate(0, 0, 2).Format(time.RFC3339)}
	}
	all := []string{"from", now.AddDate(0, 0, -200).Format(time.RFC3339)}
	for _, c := range []struct {
		query, columns string
		window         []string
		pairs          []string
		want           []string
	}{
		{"slow_transactions", "service name count estimated failure_rate p99_ms total_ms", of(180), nil, []string{"shop | GET / | 4 | 8.000 | 0.500 | 4.000 | 10.000"}},
		{"slow_transactions", "name count estimated total_ms", all, []string{"environment", "production"}, []string{"GET / | 16 | 32.000 | 40.000"}},
		{"service_overview", "service errors segments failure_rate", of(95), nil, []string{"shop | 8 | 4 | 0.500"}},
		{"service_overview", "service errors segments", []string{"from", now.AddDate(0, 0, -95).Truncate(time.Hour).Add(30 * time.Minute).Format(time.RFC3339), "to", now.AddDate(0, 0, -94).Format(time.RFC3339)}, nil, []string{"shop | 8 | 4"}}, // Whole hours.
		{"error_trend", "series events", []string{"from", now.AddDate(0, 0, -96).Format(time.RFC3339), "to", now.AddDate(0, 0, -95).Truncate(time.Hour).Add(2 * time.Second).Format(time.RFC3339)}, nil, []string{"all | 8"}},                      // Whole minutes.
		{"service_overview", "service errors segments", all, nil, []string{"shop | 32 | 16"}},
		{"request_trend", "requests failed", of(180), []string{"bucket_hours", "24"}, []string{"4 | 2"}},
		{"request_trend", "requests failed", all, []string{"bucket_hours", "24", "service", "shop"}, []string{"4 | 2", "4 | 2", "4 | 2", "4 | 2"}},
		{"tag_distribution", "key value events share values", of(180), []string{"issue", issueHex(2), "key", "plan"}, []string{"plan | free | 4 | 1.000 | 1"}},
		{"tag_distribution", "key value events", all, []string{"issue", issueHex(2), "key", "plan"}, []string{"plan | free | 16"}},
		{"tag_lift", "key value events support project_share lift", of(95), []string{"issue", issueHex(2), "limit", "1"}, []string{"plan | free | 4 | 1.000 | 0.500 | 2.000"}},
		{"tag_lift", "key value events support project_share lift", all, []string{"issue", issueHex(1), "limit", "1"}, []string{"plan | pro | 16 | 1.000 | 0.500 | 2.000"}},
		{"issue_list", "issue window_events", of(95), []string{"tag", "plan=free"}, []string{issueHex(2) + " | 4"}},
		{"issue_list", "issue window_events", all, []string{"tag", "plan=pro"}, []string{issueHex(1) + " | 16"}},
		{"issue_list", "issue", all, []string{"tag", "service=none"}, nil},
		{"trace_search", "trace_id errors spans logs", of(180), []string{"limit", "1"}, []string{fmt.Sprintf("%030x%02x | 8 | 5 | 1", project, 3)}},
	} {
		name := "project"
		if c.query == "request_trend" {
			name = "projects"
		}
		require.Equal(t, c.want, askAny(t, s, c.query, c.columns, append(append(c.pairs, c.window...), name, text(project))...), "%s %v", c.query, c.window)
	}
	for _, w := range [][]string{of(180), all} {
		got := askAny(t, s, "trace_find", "trace_id root services duration_ms spans errors logs issues", append([]string{"projects", text(project), "text", "child"}, w...)...)
		want := fmt.Sprintf("%030x%02x | GET / | [api shop] | 5000.000 | 5 | 8 | 1", project, 3)
		require.Contains(t, got[len(got)-1], want)
		require.Contains(t, got[len(got)-1], issueHex(1))
		require.Contains(t, got[len(got)-1], issueHex(2))
		require.Len(t, got, map[bool]int{true: 1, false: 4}[w[1] == of(180)[1]])
	}
}

// Buckets are as wide as they are asked for, such too that a minute belongs to two of
// them.
func TestBucketsOfAnyWidth(t *testing.T) {
	t.Parallel()
	owner, s := store(t, "errata"), store(t, "reader")
	project := newProject()
	day := time.Now().UTC().AddDate(0, 0, -20).Truncate(24 * time.Hour)
	seed(t, owner, event{project: project, fingerprint: 1, ts: day.Add(70 * time.Second)}, event{project: project, fingerprint: 1, ts: day.Add(100 * time.Second)}, event{project: project, fingerprint: 1, ts: day.Add(200 * time.Second)})
	for seconds, want := range map[int][]uint64{60: {2, 1}, 90: {1, 1, 1}, 100: {1, 1, 1}, 3600: {3}} {
		window := map[string]string{"from": day.Format(time.RFC3339), "to": day.Add(time.Hour).Format(time.RFC3339), "bucket_seconds": text(seconds)}
		for query, name := range map[string]string{"error_trend": "project", "error_trend_split": "projects"} {
			values := map[string]string{name: text(project)}
			maps.Copy(values, window)
			r, err := s.Run(t.Context(), query, values)
			require.NoError(t, err)
			var got []uint64
			for _, n := range r.Column("events") {
				got = append(got, n.(uint64))
			}
			require.Equal(t, want, got, "%s of %d seconds", query, seconds)
		}
	}
}
