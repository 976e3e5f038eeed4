package queries_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Rates of releases and requests, of several projects at once.
func TestRates(t *testing.T) {
	owner, s := store(t, "errata"), store(t, "reader")
	project, other := newProject(), newProject()
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, n-3).Format("2006-01-02") } // Rows as old as a retention would go.
	for _, sql := range []string{
		"INSERT INTO sessions (project_id, started, ts, release, environment, status, quantity) SELECT ?, toDateTime64('DAY 10:00:00', 3, 'UTC') + toIntervalHour(intDiv(number, 2)), now64(3), ['1', '1', '2', '2', 'tiny', 'tiny'][number + 1], 'production', ['exited', 'crashed'][number % 2 + 1], [198, 2, 90, 10, 5, 5][number + 1] FROM numbers(6)",
		"INSERT INTO sessions (project_id, started, ts, release, environment, status, quantity) SELECT ?, toDateTime64('DAY 10:00:00', 3, 'UTC'), now64(3), 'alone', 'staging', 'exited', 100",
		"INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, is_segment, status, environment) SELECT ?, toDateTime64('DAY 10:00:00', 6, 'UTC'), leftPad(hex(number), 32, '0'), '', 'web', 'GET /', true, ['ok', 'error'][number % 2 + 1], 'production' FROM numbers(4)",
		"INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, weight, protocol, payload_bytes) SELECT ?, toDateTime64('DAY 10:00:00', 3, 'UTC') + number AS at, at + 3, 1, generateUUIDv4(), 1, ['sentry', 'otlp'][number % 2 + 1], 10 + number FROM numbers(4)",
	} {
		of := project
		if sql[len(sql)-3:] == "100" {
			of = other
		}
		require.NoError(t, owner.Conn().Exec(t.Context(), strings.Replace(sql, "DAY", day(0), 1), of))
	}
	both := text(project) + "," + text(other)
	for _, c := range []struct {
		name, query, columns string
		values               map[string]string
		want                 []string
	}{
		{"crash-free", "crash_free", "release crash_free sessions", nil, []string{"2 | 0.900 | 100", "1 | 0.990 | 200", "alone | 1.000 | 100"}},
		{"of few sessions too", "crash_free", "release crash_free", map[string]string{"min_sessions": "1", "projects": text(project)}, []string{"tiny | 0.500", "2 | 0.900", "1 | 0.990"}},
		{"worse than the one before", "release_worse", "release previous worse", nil, []string{"2 | 1 | 0.090", "alone |  | 0.000"}},
		{"over time, side by side", "release_trend", "release crash_free", map[string]string{"projects": text(project)}, []string{"1 | 0.990", "2 | 0.900", "tiny | 0.500"}},
		{"of an environment", "release_trend", "release", map[string]string{"environment": "staging\nnone such"}, []string{"alone"}},
		{"requests", "request_trend", "requests failed", map[string]string{"service": "web"}, []string{"4 | 2"}},
		{"requests of no service", "request_trend", "requests", map[string]string{"service": "none such"}, nil},
		{"bytes", "byte_trend", "protocol bytes", nil, []string{"otlp | 24", "sentry | 22"}},
		{"bytes of another project", "byte_trend", "bytes", map[string]string{"projects": text(other)}, nil},
		{"delays", "delay_trend", "p50 p99", nil, []string{"2.976 | 2.976"}}, // 3.000 in steps of 1/32.
		{"delays, to the bucket", "delay_trend", "p50 p99", map[string]string{"bucket_seconds": "100"}, []string{"2.976 | 2.976"}},
		{"another time", "crash_free", "release", map[string]string{"from": day(1), "to": day(2)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			pairs := []string{}
			for name, value := range map[string]string{"from": day(0), "to": day(1), "projects": both} {
				if given, ok := c.values[name]; ok {
					value = given
				}
				pairs = append(pairs, name, value)
			}
			for name, value := range c.values {
				if name != "from" && name != "to" && name != "projects" {
					pairs = append(pairs, name, value)
				}
			}
			require.Equal(t, c.want, askAny(t, s, c.query, c.columns, pairs...))
		})
	}
}

// Of releases that both report since before the window the newest is the one that
// was first seen last, whatever their names.
func TestTheNewestReleaseMayBeOlderThanTheWindow(t *testing.T) {
	owner, s := store(t, "errata"), store(t, "reader")
	project := newProject()
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, n-5).Format("2006-01-02") }
	for _, c := range []struct{ day, release, share string }{
		{day(0), "app@1.9.0", "0"}, {day(1), "app@1.10.0", "10"}, {day(2), "app@1.9.0", "0"}, {day(2), "app@1.10.0", "10"},
	} {
		require.NoError(t, owner.Conn().Exec(t.Context(), `INSERT INTO sessions (project_id, started, ts, session_id, init, release, environment, status, quantity)
			SELECT ?, toDateTime64('`+c.day+` 10:00:00', 3, 'UTC'), now64(3), generateUUIDv4(), true, '`+c.release+`', 'production', if(number < `+c.share+`, 'crashed', 'exited'), 1 FROM numbers(100)`, project))
	}
	for name, from := range map[string]string{"both before": day(2), "one before": day(1), "all of both": day(0)} {
		require.Equal(t, []string{"app@1.10.0 | app@1.9.0 | 0.100"}, askAny(t, s, "release_worse", "release previous worse", "projects", text(project), "from", from, "to", day(3)), name)
	}
}

// Buckets of more than a day are as wide as they were asked for.
func TestBucketsOfManyHours(t *testing.T) {
	owner, s := store(t, "errata"), store(t, "reader")
	project := newProject()
	const width = 5 * 24 * 3600
	begin := time.Unix((time.Now().Unix()/width-2)*width, 0).UTC() // A bucket that is over: up to 15 days ago.
	for _, at := range []time.Time{begin, begin.Add(30 * time.Hour), begin.Add(119 * time.Hour), begin.Add(121 * time.Hour)} {
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO sessions (project_id, started, ts, release, status, quantity) SELECT ?, toDateTime64(?, 3, 'UTC') AS started, started, '1', ['exited', 'crashed'][number + 1], [9, 1][number + 1] FROM numbers(2)", project, at.Unix()))
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, is_segment, status) SELECT ?, toDateTime64(?, 6, 'UTC'), hex(?), '', 'web', 'GET /', true, 'ok'", project, at.Unix(), at.Unix()))
	}
	window := []string{"from", begin.Format(time.RFC3339), "to", begin.Add(10*24*time.Hour - time.Second).Format(time.RFC3339)}
	first, second := begin.String(), begin.Add(5*24*time.Hour).String()
	wide := append(slices.Clone(window), "bucket_hours", "120", "projects", text(project))
	require.Equal(t, []string{first + " | 30 | 3", second + " | 10 | 1"}, ask(t, s, project, "sessions", "time sessions crashed", wide[:6:6]...))
	require.Equal(t, []string{first + " | 0.900", second + " | 0.900"}, askAny(t, s, "release_trend", "time crash_free", wide...))
	require.Equal(t, []string{first + " | 3", second + " | 1"}, askAny(t, s, "request_trend", "time requests", wide...))
	require.Len(t, ask(t, s, project, "sessions", "sessions", append(slices.Clone(window), "bucket_hours", "4294967295")...), 1)
}
