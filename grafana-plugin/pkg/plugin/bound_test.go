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

// Notices are on frames that leave something out, and on no others: what has
// exactly as many rows as may be shown is whole.
func TestNoticesAtTheLimit(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct {
		body string
		rows int
	}{
		{`{"mode":"issues"`, 3},
		{`{"mode":"issues","project":"shop"`, 2},
		{`{"mode":"events","project":"1","environment":"staging"`, 4},
		{`{"mode":"logs","service":"web"`, 6},
		{`{"mode":"trace_search","project":"shop"`, 1},
		{`{"mode":"releases","project":"shop"`, 2},
		{`{"mode":"annotations","kind":"releases","project":"shop"`, 2},
		{`{"mode":"annotations","kind":"first_seen"`, 3},
		{`{"mode":"sql","sql":"SELECT number FROM numbers(5)"`, 5},
		{`{"mode":"catalog","name":"project_releases","project":"shop"`, 2},
	} {
		for limit, told := range map[int]bool{c.rows - 1: true, c.rows: false, c.rows + 1: false} {
			if limit == 0 {
				continue
			}
			t.Run(fmt.Sprint(c.body, limit), func(t *testing.T) {
				r := askOne(t, s, fmt.Sprintf(`%s,"limit":%d}`, c.body, limit), nil)
				require.NoError(t, r.Error)
				require.Equal(t, min(limit, c.rows), r.Frames[0].Rows())
				require.Equal(t, told, strings.Contains(fmt.Sprint(r.Frames[0].Meta.Notices), "Truncated"), "%v", r.Frames[0].Meta.Notices)
			})
		}
	}
}

// A range that ends before it begins is told to whoever gives it, in every mode
// and resource; own SQL may look at nothing.
func TestRangesThatEndBeforeTheyBegin(t *testing.T) {
	s := source(t, nil, nil)
	for mode := range readBy {
		body := `{"mode":"` + mode + `","kind":"releases","name":"cost","traceId":"` + trace1 + `","sql":"SELECT $__interval_s AS n WHERE $__timeFilter(now())"}`
		q := query("A", body)
		q.TimeRange = backend.TimeRange{From: base.Add(time.Hour), To: base}
		r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
		require.NoError(t, err)
		if mode == "sql" {
			require.NoError(t, r.Responses["A"].Error)
			continue
		}
		require.ErrorContains(t, r.Responses["A"].Error, "ends before it begins", mode)
		require.Equal(t, backend.ErrorSourceDownstream, r.Responses["A"].ErrorSource)
	}
	inverted := fmt.Sprintf("from=%d&to=%d", base.Add(time.Hour).UnixMilli(), base.UnixMilli())
	for _, url := range []string{"issues?", "issues/1/" + issueA + "?", "issues/1/" + issueA + "/users?", "options/tag_key?", "options/filter_value?key=plan&"} {
		status, body := call(t, s, viewer, getMethod, url+inverted, "", nil)
		require.Equal(t, 400, status, "%s: %v", url, body)
		require.Contains(t, body["message"], "ends before it begins", url)
	}
}

// A variable may stand for many values in every field that takes several.
func TestManyValuesOfAVariable(t *testing.T) {
	s := source(t, nil, nil)
	values := []string{"shop@1.1.0", "it's \\ \"quoted\" $1 {x:String}"}
	for i := range 2000 {
		values = append(values, fmt.Sprintf("some-service@1.0.%d+build", i))
	}
	raw, err := json.Marshal(values)
	require.NoError(t, err)
	text, err := json.Marshal(string(raw))
	require.NoError(t, err)
	for _, c := range []struct {
		body string
		want int64
	}{
		{`{"mode":"error_trend","format":"numeric","release":` + string(text) + `}`, 4},
		{`{"mode":"issues","format":"numeric","release":` + string(text) + `}`, 4},
		{`{"mode":"error_trend","format":"numeric","filters":[{"key":"release","operator":"=|","values":` + string(raw) + `}]}`, 4},
		{`{"mode":"error_trend","format":"numeric","filters":[{"key":"release","operator":"!=|","values":` + string(raw) + `}]}`, 13},
	} {
		r := askOne(t, s, c.body, nil)
		require.NoError(t, r.Error, c.body[:60])
		sum := 0.0
		for _, x := range r.Frames[0].Fields {
			for i := range x.Len() {
				if v, err := x.NullableFloatAt(i); err == nil && v != nil && x.Type().Numeric() {
					sum += *v
				}
			}
		}
		require.InDelta(t, c.want, sum, 0, c.body[:60])
	}
	long, err := json.Marshal(strings.Repeat("x", 9000))
	require.NoError(t, err)
	r := askOne(t, s, `{"mode":"issues","release":`+string(long)+`}`, nil)
	require.ErrorContains(t, r.Error, "release is 9000 bytes, the limit is 8192")
	huge, err := json.Marshal(`["` + strings.Repeat("x", 200<<10) + `"]`)
	require.NoError(t, err)
	require.ErrorContains(t, askOne(t, s, `{"mode":"issues","release":`+string(huge)+`}`, nil).Error, "custom all value")
}

// Marks of each kind, within their time, of the projects and issue asked for.
func TestMarks(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct {
		name, body string
		from, to   time.Duration
		want       []string
	}{
		{"releases", `"kind":"releases"`, 0, 12 * time.Hour, []string{"Release billing@3", "Release shop@1.1.0", "Release shop@1.0.0"}},
		{"of a project", `"kind":"releases","project":"billing"`, 0, 12 * time.Hour, []string{"Release billing@3"}},
		{"of two", `"kind":"releases","project":"[\"1\",\"billing\"]"`, 0, 12 * time.Hour, []string{"Release billing@3", "Release shop@1.1.0", "Release shop@1.0.0"}},
		{"of an environment", `"kind":"releases","environment":"staging"`, 0, 12 * time.Hour, []string{"Release shop@1.1.0"}},
		{"at the start of the range", `"kind":"releases"`, time.Hour, 80 * time.Minute, []string{"Release shop@1.1.0"}},
		{"at its end", `"kind":"releases"`, 61 * time.Minute, 90 * time.Minute, []string{"Release billing@3"}},
		{"beside it", `"kind":"releases"`, 61 * time.Minute, 89 * time.Minute, nil},
		{"first seen", `"kind":"first_seen","issue":"` + issueB + `"`, 0, 12 * time.Hour, []string{"New: TimeoutError: payment"}},
		{"of no issue", `"kind":"first_seen","issue":"0000000000000001"`, 0, 12 * time.Hour, nil},
		{"regressions", `"kind":"regressions"`, -300 * time.Hour, -299 * time.Hour, nil},
		{"actions", `"kind":"actions"`, -300 * time.Hour, -299 * time.Hour, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := query("A", `{"mode":"annotations",`+c.body+`}`)
			q.TimeRange = backend.TimeRange{From: base.Add(c.from), To: base.Add(c.to)}
			r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
			require.NoError(t, err)
			require.NoError(t, r.Responses["A"].Error)
			f := r.Responses["A"].Frames[0]
			var got []string
			x, _ := f.FieldByName("title")
			for i := range x.Len() {
				got = append(got, x.At(i).(string))
			}
			require.Equal(t, c.want, got)
		})
	}
	require.ErrorContains(t, askOne(t, s, `{"mode":"annotations","kind":"deploys"}`, nil).Error, "releases, first_seen, regressions, actions")
}
