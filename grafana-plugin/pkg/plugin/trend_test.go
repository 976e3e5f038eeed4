package plugin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/frame"
)

// A chart counts whole points, whatever the range cuts; who counts, a rule or a
// number, counts the range itself.
func TestPointsOfTrendsAreWhole(t *testing.T) {
	s := source(t, nil, nil)
	// An event of the issue comes every half hour from base on, twelve of them.
	for _, c := range []struct {
		name     string
		from, to time.Duration
		interval time.Duration
		body     string
		headers  map[string]string
		points   int
		events   float64
		whole    bool
	}{
		{name: "both ends cut", from: 50 * time.Minute, to: 130 * time.Minute, interval: time.Hour, points: 3, events: 6, whole: true},
		{name: "begins with a point", from: time.Hour, to: 130 * time.Minute, interval: time.Hour, points: 2, events: 4, whole: true},
		{name: "ends with a point", from: 50 * time.Minute, to: 2 * time.Hour, interval: time.Hour, points: 3, events: 4, whole: true},
		{name: "of no length", from: time.Hour, to: time.Hour, interval: time.Hour, points: 1, events: 2, whole: true},
		{name: "points too short", from: 50 * time.Minute, to: 130 * time.Minute, interval: time.Minute, points: 81, events: 3},
		{name: "a rule", from: 50 * time.Minute, to: 130 * time.Minute, interval: time.Hour, headers: fromAlert, points: 1, events: 3},
		{name: "a series of a rule", from: 50 * time.Minute, to: 130 * time.Minute, interval: time.Hour, body: `,"format":"time_series"`, headers: fromAlert, points: 3, events: 3},
		{name: "a number", from: 50 * time.Minute, to: 130 * time.Minute, interval: time.Hour, body: `,"format":"numeric"`, points: 1, events: 3},
	} {
		for _, by := range []string{`"by":"issue"`, `"by":"none"`, `"by":"tag","tagKey":"plan"`} {
			t.Run(c.name+" "+by, func(t *testing.T) {
				q := query("A", `{"mode":"error_trend",`+by+`,"issue":"`+issueA+`"`+c.body+`}`)
				q.TimeRange, q.Interval, q.MaxDataPoints = backend.TimeRange{From: base.Add(c.from), To: base.Add(c.to)}, c.interval, 1000
				r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Headers: c.headers, Queries: []backend.DataQuery{q}})
				require.NoError(t, err)
				require.NoError(t, r.Responses["A"].Error)
				f := r.Responses["A"].Frames[0]
				require.Equal(t, c.points, f.Rows())
				sum := 0.0
				for _, x := range f.Fields {
					for i := range x.Len() {
						if v, ok := x.At(i).(float64); ok {
							sum += v
						}
					}
				}
				require.InDelta(t, c.events, sum, 0)
				require.Equal(t, c.whole, f.Meta.Custom != nil, "the frame says so")
			})
		}
	}
}

// A legend of issues names them by titles; labels, which links and rules use,
// keep their ids.
func TestLegendOfIssuesIsTitles(t *testing.T) {
	s := source(t, nil, nil)
	names := func(body string, headers map[string]string) map[string]string {
		r := askOne(t, s, body, headers)
		require.NoError(t, r.Error)
		out := map[string]string{}
		for _, x := range r.Frames[0].Fields {
			if x.Labels != nil {
				out[x.Labels["issue"]] = x.Config.DisplayNameFromDS
			}
		}
		return out
	}
	all := `{"mode":"error_trend","by":"issue"}`
	require.Equal(t, map[string]string{issueA: "ValueError: bad card", issueB: "TimeoutError: payment", issueC: `It's "quoted" <b>`}, names(all, nil))
	require.Equal(t, map[string]string{issueA: "ValueError: bad card", "other": "other"}, names(`{"mode":"error_trend","by":"issue","limit":1}`, nil))
	require.Equal(t, issueA, names(`{"mode":"error_trend","by":"issue","format":"time_series"}`, fromAlert)[issueA], "titles change, alerts must not")
	r := askOne(t, s, all, nil)
	for _, x := range r.Frames[0].Fields {
		if x.Labels["issue"] == issueC {
			require.Equal(t, "/a/errata-errors-app/issues/2/"+issueC+"?ds=errata", x.Config.Links[0].URL) // Of this store, whatever others there are.
		}
	}
}

// Titles that are alike, long or of several lines stay apart and short.
func TestLegendOfIssuesIsUnique(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for _, c := range []struct {
		name   string
		titles map[string]string
		want   map[string]string
	}{
		{"alike", map[string]string{"a": "E: x", "b": "E: x", "c": "E: y"}, map[string]string{"a": "E: x (a)", "b": "E: x (b)", "c": "E: y"}},
		{"long", map[string]string{"a": long, "b": "z"}, map[string]string{"a": strings.Repeat("ä", 59) + "…", "b": "z"}},
		{"long and alike in what is shown", map[string]string{"a": long + "1", "b": long + "2"}, map[string]string{"a": strings.Repeat("ä", 59) + "… (a)", "b": strings.Repeat("ä", 59) + "… (b)"}},
		{"of two lines", map[string]string{"a": "E: x\n  y"}, map[string]string{"a": "E: x y"}},
		{"none", map[string]string{"a": ""}, map[string]string{"a": "a"}},
		{"named as the rest", map[string]string{"a": "other"}, map[string]string{"a": "other (a)"}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, frame.Legend(c.titles)) })
	}
}
