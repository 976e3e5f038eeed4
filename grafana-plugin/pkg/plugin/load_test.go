package plugin_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/grafana-plugin/pkg/made"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
	"errata/schema/tables"
)

// Panels beside those of the modes that golden files show.
var loaded = []struct{ name, body string }{
	{"events_released", `{"mode":"events","release":"shop@1.3.0"}`},
	{"events_tag", `{"mode":"events","filters":[{"key":"region","operator":"=","value":"7"}]}`},
	{"events_text", `{"mode":"events","text":"Error7 failed"}`},
	{"trend_released", `{"mode":"error_trend","release":"shop@1.3.0"}`},
	{"trend_region", `{"mode":"error_trend","by":"tag","tagKey":"region"}`},
	{"cost_issue", `{"mode":"catalog","name":"cost"}`},
	{"cost_sdk", `{"mode":"catalog","name":"cost","params":{"by":"sdk"}}`},
	{"cost_tag", `{"mode":"catalog","name":"cost","params":{"by":"tag","key":"plan"}}`},
	{"cost_release", `{"mode":"catalog","name":"cost","params":{"by":"release"}}`},
	{"cost_project", `{"mode":"catalog","name":"cost","params":{"by":"project"}}`},
	{"byte_trend", `{"mode":"catalog","name":"byte_trend","format":"time_series"}`},
	{"delay_trend", `{"mode":"catalog","name":"delay_trend","format":"time_series"}`},
	{"request_trend", `{"mode":"catalog","name":"request_trend","format":"time_series"}`},
	{"sql_issues", `{"mode":"sql","sql":"SELECT issue, title, status, events FROM issues ORDER BY events DESC LIMIT 10"}`},
	{"sql_issue_trend", `{"mode":"sql","format":"time_series","sql":"SELECT $__timeInterval(hour) AS time, sum(events) AS events FROM issue_trend WHERE $__timeFilter(hour) GROUP BY time ORDER BY time"}`},
	{"sql_releases", `{"mode":"sql","sql":"SELECT * FROM releases ORDER BY first_seen DESC LIMIT 20"}`},
}

// TestLoad times what panels ask of many events: ERRATA_PLUGIN_EVENTS=5000000.
// The store stays in the folder ERRATA_PLUGIN_STORE, where one is named, and is
// used again. ERRATA_PLUGIN_PANELS is a pattern of names of panels,
// ERRATA_PLUGIN_BACK how much earlier than the newest event to ask: late in a day
// there is more of it to read. It prints figures; it fails only where a query
// fails.
func TestLoad(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ERRATA_PLUGIN_EVENTS"))
	if err != nil || n == 0 {
		t.Skip("set ERRATA_PLUGIN_EVENTS to a number of events")
	}
	only, err := regexp.Compile(os.Getenv("ERRATA_PLUGIN_PANELS"))
	require.NoError(t, err)
	owner, newest := fill(t, n)
	if back := os.Getenv("ERRATA_PLUGIN_BACK"); back != "" {
		d, err := time.ParseDuration(back)
		require.NoError(t, err)
		newest = newest.Add(-d)
	}
	s := source(t, settings{"address": owner.address}, nil)
	panels := slices.Concat(modes, loaded)
	r, err := owner.SQL(t.Context(), "SELECT lower(leftPad(hex(fingerprint), 16, '0')) FROM issue_rollup GROUP BY fingerprint ORDER BY sum(events) DESC LIMIT 1")
	require.NoError(t, err)
	largest := r.Rows[0][0].(string)
	for i, p := range panels {
		if p.name == "events_issue" {
			panels[i].body = strings.ReplaceAll(p.body, issueB, largest)
		}
	}
	panels = append(panels, struct{ name, body string }{"issue_events", `{"mode":"catalog","name":"issue_events","project":"1","params":{"issue":"` + largest + `"}}`},
		struct{ name, body string }{"trend_of_issue", `{"mode":"error_trend","issue":"` + largest + `"}`})
	for _, span := range []time.Duration{24 * time.Hour, 7 * 24 * time.Hour} {
		for _, m := range panels {
			if m.name == "trace" || strings.Contains(m.body, "billing") || strings.Contains(m.body, "shop@1.0.0") || !only.MatchString(m.name) {
				continue // Of what is not there.
			}
			var took []time.Duration
			before := owner.cpu(t)
			for range 9 {
				q := query("A", m.body)
				q.TimeRange = backend.TimeRange{From: newest.Add(-span), To: newest}
				q.Interval, q.MaxDataPoints = span/100, 1000
				start := time.Now()
				r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
				took = append(took, time.Since(start))
				require.NoError(t, err)
				require.NoError(t, r.Responses["A"].Error, m.name)
			}
			spent := owner.cpu(t) - before
			slices.Sort(took[1:]) // After one to warm up.
			t.Logf("%-8s %-18s p50 %4d ms, slowest of 8 %4d ms, first %4d ms, CPU of the server %4d ms", span, m.name, took[5].Milliseconds(), took[8].Milliseconds(), took[0].Milliseconds(), spent.Milliseconds()/9)
		}
	}
}

// filled is a store with made events.
type filled struct {
	*queries.Store
	address string
}

// cpu is the processor time of all questions so far.
func (f filled) cpu(t *testing.T) time.Duration {
	t.Helper()
	r, err := f.SQL(t.Context(), "SELECT value FROM system.events WHERE event IN ('UserTimeMicroseconds', 'SystemTimeMicroseconds')")
	require.NoError(t, err)
	var all time.Duration
	for _, row := range r.Rows {
		all += time.Duration(row[0].(uint64) * 1000) //nolint:gosec // Hours.
	}
	return all
}

// fill starts a store, makes what is missing of n events over seven days, and
// says when the newest one happened.
func fill(t *testing.T, n int) (filled, time.Time) {
	t.Helper()
	dir := os.Getenv("ERRATA_PLUGIN_STORE")
	if dir == "" {
		dir = t.TempDir()
	}
	server := clickhousetest.StartIn(t, dir)
	password := clickhousetest.Passwords["errata"]
	conn, err := queries.Dial(t.Context(), queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: password})
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Password: password}))
	owner, err := queries.Open(t.Context(), queries.Config{Addr: server.Addr(), User: "errata", Password: password})
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close() })
	if known, err := projects.All(t.Context(), owner.Conn()); err != nil || len(known) == 0 {
		_, err = projects.Create(t.Context(), owner.Conn(), schema.Project{Slug: "shop"})
		require.NoError(t, err)
	}
	newest, err := made.Fill(context.WithoutCancel(t.Context()), owner, n, 7*24*time.Hour)
	require.NoError(t, err)
	return filled{Store: owner, address: server.Addr()}, newest
}
