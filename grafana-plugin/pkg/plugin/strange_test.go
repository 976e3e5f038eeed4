package plugin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

func sqlBody(t *testing.T, sql string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"mode": "sql", "sql": sql})
	require.NoError(t, err)
	return string(raw)
}

// Types that people select and frames have not: the value, or a sentence that
// says what to ask instead, never a wrong value or a fault of the plugin.
func TestStrangeTypes(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct{ name, sql, want, fails string }{
		{"wide numbers", "SELECT toUInt128(5) AS a, toInt256(-7) AS b, toUInt64(18446744073709551615) AS c", `[[5],[-7],[18446744073709551615]]`, ""},
		{"objects", `SELECT '{"a":{"b":1}}'::JSON AS j, 1::Variant(UInt8, String) AS v, 'x'::Dynamic AS d`, `[[{"a":{"b":1}}],["1"],["x"]]`, ""},
		{"times of day", "SELECT toTime64('12:13:14.5', 3) AS a, toTime('01:02:03') AS b", `[["12:13:14.5"],["01:02:03"]]`, ""},
		{"times far away", "SELECT toDate32('2299-12-31') AS a, toDateTime64('1970-01-01 00:00:01', 3, 'UTC') AS b", `[[null],[1000]]`, ""},
		{"a state", "SELECT users FROM issue_hour", "", "finalizeAggregation"},
		{"no columns in a column", "SELECT tuple() AS t", "", "cannot show a column like that"},
		{"a setting by itself", "SET max_threads = 1", "", "SETTINGS after the SELECT"},
		{"another database", "\n use system", "", "the database before the table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := askOne(t, s, sqlBody(t, c.sql), nil)
			if c.fails != "" {
				require.ErrorContains(t, r.Error, c.fails)
				require.Equal(t, backend.StatusBadRequest, r.Status)
				require.Equal(t, backend.ErrorSourceDownstream, r.ErrorSource)
				return
			}
			require.NoError(t, r.Error)
			raw, err := json.Marshal(r.Frames[0])
			require.NoError(t, err)
			var got struct {
				Data struct{ Values json.RawMessage }
			}
			require.NoError(t, json.Unmarshal(raw, &got))
			require.JSONEq(t, c.want, string(got.Data.Values))
		})
	}
}

// A variable may stand for thousands of values, patterns too.
func TestThousandsOfValues(t *testing.T) {
	s := source(t, nil, nil)
	texts, patterns := []string{"free"}, []string{"^fr.e$"}
	for i := range 5000 {
		texts = append(texts, fmt.Sprintf("'value' \\%d ☃", i))
		if i%5 == 0 { // These take a while.
			patterns = append(patterns, fmt.Sprintf("^(?i)value-%d$", i))
		}
	}
	list := func(values []string) string {
		raw, err := json.Marshal(values)
		require.NoError(t, err)
		return string(raw)
	}
	for _, c := range []struct {
		operator string
		values   []string
		free     bool
	}{{"=|", texts, true}, {"!=|", texts, false}, {"=~", patterns, true}, {"!~", patterns, false}} {
		t.Run(c.operator, func(t *testing.T) {
			req := &backend.QueryDataRequest{}
			for _, m := range modes {
				req.Queries = append(req.Queries, query(m.name, strings.TrimSuffix(m.body, "}")+`,"filters":[{"key":"plan","operator":"`+c.operator+`","values":`+list(c.values)+`}]}`))
			}
			r, err := s.QueryData(t.Context(), req)
			require.NoError(t, err)
			for _, m := range modes {
				require.NoError(t, r.Responses[m.name].Error, m.name)
			}
			// All of the one issue are free, of the other two none.
			require.Equal(t, c.free, r.Responses["events_issue"].Frames[0].Rows() > 0)
			require.Equal(t, map[bool]int{true: 1, false: 2}[c.free], r.Responses["issues"].Frames[0].Rows())
		})
	}
	releases, err := json.Marshal(list(append(texts, "shop@1.1.0")))
	require.NoError(t, err)
	r := askOne(t, s, `{"mode":"events","release":`+string(releases)+`}`, nil)
	require.NoError(t, r.Error)
	require.Equal(t, 4, r.Frames[0].Rows())
}

// Ranges, intervals and numbers of points as no picker gives them. What is
// wrong is said; the rest is answered in a form that a rule takes, and with no
// more points than a panel can draw.
func TestStrangeRanges(t *testing.T) {
	s := source(t, nil, nil)
	day := 24 * time.Hour
	for _, c := range []struct {
		name     string
		from, to time.Time
		interval time.Duration
		points   int64
	}{
		{"nothing there", base.Add(1000 * day), base.Add(1001 * day), time.Hour, 100},
		{"no length", base, base, time.Hour, 100},
		{"less than a second", base, base.Add(300 * time.Millisecond), time.Millisecond, 100},
		{"all of time", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Hour, 100},
		{"before the epoch", time.Unix(-1e9, 0), time.Unix(-9e8, 0), time.Hour, 100},
		{"points a millisecond apart", base, base.Add(12 * time.Hour), time.Millisecond, 1e7},
		{"points a year apart", base.Add(-3650 * day), base.Add(12 * time.Hour), 365 * day, 100},
		{"no points", base, base.Add(12 * time.Hour), 0, 0},
		{"below none", base, base.Add(12 * time.Hour), -time.Hour, -5},
		{"no times", time.Time{}, time.Time{}, 0, 0},
		{"clocks change", time.Date(2026, 3, 28, 23, 0, 0, 0, time.FixedZone("", 3600)), time.Date(2026, 3, 29, 23, 0, 0, 0, time.FixedZone("", 7200)), time.Hour, 24},
		{"backwards", base.Add(time.Hour), base, time.Hour, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, headers := range []map[string]string{nil, fromAlert} {
				req := &backend.QueryDataRequest{Headers: headers}
				for _, m := range modes {
					q := query(m.name, m.body)
					q.TimeRange, q.Interval, q.MaxDataPoints = backend.TimeRange{From: c.from, To: c.to}, c.interval, c.points
					req.Queries = append(req.Queries, q)
				}
				r, err := s.QueryData(t.Context(), req)
				require.NoError(t, err)
				for _, m := range modes {
					a := r.Responses[m.name]
					if c.name == "backwards" && !strings.HasPrefix(m.name, "sql") {
						require.ErrorContains(t, a.Error, "ends before it begins", m.name)
						continue
					}
					require.NoError(t, a.Error, m.name)
					for _, f := range a.Frames {
						rows, err := f.RowLen()
						require.NoError(t, err)
						require.LessOrEqual(t, rows, 2*2000, m.name)
						if headers != nil {
							requireAlertable(t, f)
						}
					}
				}
			}
		})
	}
}

// A number is the same to the plugin, which checks it, and to the server.
func TestNumbersOfFilters(t *testing.T) {
	s := source(t, nil, nil)
	for given, want := range map[string]int{"2": 0, " 1.5 ": 1, "0x1p0": 1, "+1": 1, "1e0": 1, "15e-1": 1} {
		t.Run(given, func(t *testing.T) {
			r := askOne(t, s, `{"mode":"trace_search","filters":[{"key":"retries","operator":">","value":"`+given+`"}]}`, nil)
			require.NoError(t, r.Error)
			require.Equal(t, want, r.Frames[0].Rows()) // There is one, with 2.
		})
	}
}
