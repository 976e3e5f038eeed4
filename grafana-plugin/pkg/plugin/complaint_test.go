package plugin_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// What users of other data sources complain about, where no other test says so.

func cell(t *testing.T, f *data.Frame, name string, row int) any {
	t.Helper()
	x, _ := f.FieldByName(name)
	require.NotNil(t, x, name)
	v, _ := x.ConcreteAt(row)
	return v
}

// The first and last time of an issue do not move with the time picker; what
// is counted in its range is another column.
func TestLifetimeAndRangeAreApart(t *testing.T) {
	s := source(t, nil, nil)
	q := query("A", `{"mode":"issues","project":"shop","filters":[{"key":"level","operator":"=","value":"error"}]}`)
	q.TimeRange = backend.TimeRange{From: base.Add(2 * time.Hour), To: base.Add(3*time.Hour - time.Minute)}
	r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
	require.NoError(t, err)
	f := r.Responses["A"].Frames[0]
	require.Equal(t, 1, f.Rows())
	require.Equal(t, issueA, cell(t, f, "issue", 0))
	require.Equal(t, int64(12), cell(t, f, "events", 0))
	require.Equal(t, int64(2), cell(t, f, "events_in_range", 0))
	require.Equal(t, base, cell(t, f, "first_seen", 0))
	require.Equal(t, base.Add(11*30*time.Minute), cell(t, f, "last_seen", 0))
}

// A list of issues of a service holds those that have events of it.
func TestIssuesOfAService(t *testing.T) {
	s := source(t, nil, nil)
	for service, want := range map[string]string{`worker`: issueB, `[\"worker\",\"none such\"]`: issueB, `none such`: ""} {
		r := askOne(t, s, `{"mode":"issues","project":"shop","service":"`+service+`"}`, nil)
		require.NoError(t, r.Error)
		if want == "" {
			require.Zero(t, r.Frames[0].Rows())
			continue
		}
		require.Equal(t, 1, r.Frames[0].Rows(), service)
		require.Equal(t, want, cell(t, r.Frames[0], "issue", 0))
	}
}

// A project that is named twice, by its name and by its number, is one.
func TestAProjectNamedTwice(t *testing.T) {
	s := source(t, nil, nil)
	for _, q := range []string{`"mode":"issues"`, `"mode":"error_trend"`, `"mode":"catalog","name":"issue_list"`, `"mode":"catalog","name":"error_trend"`, `"mode":"releases"`} {
		once, twice := askOne(t, s, `{`+q+`,"project":"shop"}`, nil), askOne(t, s, `{`+q+`,"project":"[\"shop\",\"1\"]"}`, nil)
		require.NoError(t, once.Error, q)
		require.NoError(t, twice.Error, q)
		require.NotZero(t, once.Frames[0].Rows(), q)
		require.Equal(t, once.Frames[0].Rows(), twice.Frames[0].Rows(), q)
	}
}

// What needs a key says so, and what to do.
func TestCostByNoTag(t *testing.T) {
	s := source(t, nil, nil)
	r := askOne(t, s, `{"mode":"catalog","name":"cost","params":{"by":"tag"}}`, nil)
	require.ErrorContains(t, r.Error, "key must be given where by is tag: the key of the tag, such as plan")
	require.Equal(t, backend.ErrorSourceDownstream, r.ErrorSource)
	require.Equal(t, backend.StatusBadRequest, r.Status)
	// Of a variable that has no values a panel says so, and a rule fails.
	blank := `{"mode":"catalog","name":"cost","params":{"by":"tag","key":""}}`
	r = askOne(t, s, blank, nil)
	require.NoError(t, r.Error)
	require.Zero(t, r.Frames[0].Rows())
	require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "key is empty")
	require.ErrorContains(t, askOne(t, s, blank, fromAlert).Error, "key must be given")
}

// A rule counts to the minute, where a list reads whole hours.
func TestRulesCountToTheMinute(t *testing.T) {
	s := source(t, nil, nil)
	q := query("A", `{"mode":"issues","project":"shop"}`)
	q.TimeRange = backend.TimeRange{From: base.Add(2*time.Hour + 20*time.Minute), To: base.Add(2*time.Hour + 40*time.Minute)}
	r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Headers: fromAlert, Queries: []backend.DataQuery{q}})
	require.NoError(t, err)
	f := r.Responses["A"].Frames[0]
	require.Equal(t, 1, f.Rows(), "the other issue has events in the hour only")
	require.Equal(t, issueA, cell(t, f, "issue", 0))
	require.Equal(t, int64(1), cell(t, f, "events_in_range", 0))
}

// Each label of a log record, clicked as filter for and filter out, selects and
// leaves out that record: keys with dots, of a resource, and what we named.
func TestLabelsFilterTheirRecord(t *testing.T) {
	s := source(t, nil, nil)
	r := askOne(t, s, `{"mode":"logs"}`, nil)
	require.NoError(t, r.Error)
	f := r.Frames[0]
	labels := map[string]string{}
	require.NoError(t, json.Unmarshal(cell(t, f, "labels", 0).(json.RawMessage), &labels))
	require.Contains(t, labels, "host.name")
	require.Contains(t, labels, "a.b")
	for key, value := range labels {
		t.Run(key, func(t *testing.T) {
			for operator, want := range map[string]bool{"=": true, "!=": false} {
				filter, err := json.Marshal(map[string]string{"key": key, "operator": operator, "value": value})
				require.NoError(t, err)
				r := askOne(t, s, fmt.Sprintf(`{"mode":"logs","filters":[%s]}`, filter), nil)
				require.NoError(t, r.Error)
				found := false
				for i := range r.Frames[0].Rows() {
					found = found || cell(t, r.Frames[0], "id", i) == cell(t, f, "id", 0)
				}
				require.Equal(t, want, found, "%s %s", operator, value)
			}
		})
	}
}

// Who cannot look says so: a panel shows the rest with a notice, a rule ends in
// an error instead of silence.
func TestLagOfAnEdgeThatIsAway(t *testing.T) {
	s := source(t, settings{"edges": "127.0.0.1:1"}, nil)
	r := askOne(t, s, `{"mode":"lag"}`, nil)
	require.NoError(t, r.Error)
	require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "127.0.0.1:1")
	r = askOne(t, s, `{"mode":"lag"}`, fromAlert)
	require.ErrorContains(t, r.Error, "Is it running")
	require.Equal(t, backend.ErrorSourceDownstream, r.ErrorSource)
	r = askOne(t, source(t, nil, nil), `{"mode":"lag"}`, fromAlert) // No edge is named: silence, and a word about it.
	require.NoError(t, r.Error)
	require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "addresses of the edges")
}

// A chart begins with the bucket that its range begins in, whatever the hour.
func TestNoHourIsMissing(t *testing.T) {
	s := source(t, nil, nil)
	q := query("A", `{"mode":"error_trend","project":"shop"}`)
	q.TimeRange.From = base.Add(90 * time.Minute)
	r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
	require.NoError(t, err)
	f := r.Responses["A"].Frames[0]
	require.Equal(t, base.Add(time.Hour), f.Fields[0].At(0))
	require.Equal(t, base.Add(12*time.Hour), f.Fields[0].At(f.Rows()-1))
	require.InDelta(t, 3, f.Fields[1].At(0), 0) // Of the whole hour, not of its half within the range.
}
