package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

var fromAlert = map[string]string{backend.FromAlertHeaderName: "true"}

var modes = []struct{ name, body string }{
	{"issues", `{"mode":"issues"}`},
	{"issues_project", `{"mode":"issues","project":"billing"}`},
	{"issues_by_events", `{"mode":"issues","project":"1","sort":"events","status":"open"}`},
	{"events", `{"mode":"events","limit":5}`},
	{"events_issue", `{"mode":"events","issue":"` + issueB + `"}`},
	{"trend", `{"mode":"error_trend"}`},
	{"trend_release", `{"mode":"error_trend","by":"release"}`},
	{"trend_project", `{"mode":"error_trend","by":"project"}`},
	{"trend_tag", `{"mode":"error_trend","by":"tag","tagKey":"plan"}`},
	{"trend_issue", `{"mode":"error_trend","by":"issue","project":"shop"}`},
	{"trend_filtered", `{"mode":"error_trend","filters":[{"key":"plan","operator":"=~","value":"^fr"}]}`},
	{"logs", `{"mode":"logs"}`},
	{"logs_volume", `{"mode":"logs","volume":true}`},
	{"trace", `{"mode":"trace","traceId":"` + trace1 + `"}`},
	{"trace_search", `{"mode":"trace_search"}`},
	{"releases", `{"mode":"releases"}`},
	{"outcomes", `{"mode":"outcomes"}`},
	{"outcomes_series", `{"mode":"outcomes","format":"time_series"}`},
	{"first_seen", `{"mode":"annotations","kind":"first_seen"}`},
	{"release_marks", `{"mode":"annotations","kind":"releases"}`},
	{"trend_for_reduce", `{"mode":"error_trend","by":"level","format":"time_series"}`},
	{"logs_for_reduce", `{"mode":"logs","format":"time_series"}`},
	{"lag", `{"mode":"lag"}`},
	{"catalog_balance", `{"mode":"catalog","name":"ledger_balance","metric":"missing"}`},
	{"catalog_sessions", `{"mode":"catalog","name":"sessions","project":"shop","params":{"release":"shop@1.0.0"},"metric":"crashed"}`},
	{"catalog_series", `{"mode":"catalog","name":"sessions","format":"time_series"}`},
	{"catalog_cost", `{"mode":"catalog","name":"cost","params":{"by":"tag","key":"plan"}}`},
	{"sql_table", `{"mode":"sql","sql":"SELECT project_id, title, toFloat64(sum(weight)) AS n, ['a'] AS list, NULL AS nothing FROM events WHERE $__timeFilter(ts) AND $__project(project_id) GROUP BY project_id, title ORDER BY n DESC, title","project":"1"}`},
	{"sql_series", `{"mode":"sql","format":"time_series","sql":"SELECT $__timeInterval(ts) AS time, level, sum(weight) AS errors FROM events WHERE $__timeFilter(ts) GROUP BY time, level ORDER BY time, level"}`},
}

// What a panel gets, what a rule gets, and what format numeric gives.
func TestFrames(t *testing.T) {
	s := source(t, settings{"tracesDatasourceUid": "tempo"}, nil)
	unsaid(t)
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			r := askOne(t, s, m.body, nil)
			require.NoError(t, r.Error)
			golden(t, m.name, r.Frames)
		})
		t.Run(m.name+"/alert", func(t *testing.T) {
			r := askOne(t, s, m.body, fromAlert)
			require.NoError(t, r.Error)
			for _, f := range r.Frames {
				requireAlertable(t, f)
				require.Equal(t, strings.Contains(m.body, "time_series"), f.Meta.Type == data.FrameTypeTimeSeriesWide, "times are for who asks for a series")
			}
			golden(t, m.name+"_alert", r.Frames)
		})
		if strings.Contains(m.body, "time_series") {
			continue
		}
		t.Run(m.name+"/numeric", func(t *testing.T) {
			r := askOne(t, s, strings.TrimSuffix(m.body, "}")+`,"format":"numeric"}`, nil)
			require.NoError(t, r.Error)
			for _, f := range r.Frames {
				require.Equal(t, data.FrameTypeNumericLong, f.Meta.Type)
				requireAlertable(t, f)
			}
		})
	}
}

// requireAlertable is what the alert engine accepts: a wide series, or texts
// and exactly one number without a time.
func requireAlertable(t *testing.T, f *data.Frame) {
	t.Helper()
	var times, numbers, texts, others int
	for _, x := range f.Fields {
		switch {
		case x.Type().Time():
			times++
		case x.Type().Numeric():
			numbers++
		case x.Type() == data.FieldTypeString || x.Type() == data.FieldTypeNullableString:
			texts++
		default:
			others++
		}
	}
	require.Equal(t, data.FrameTypeVersion{0, 1}, f.Meta.TypeVersion)
	switch f.Meta.Type {
	case data.FrameTypeNumericLong:
		require.Zero(t, times+others, "%v", f.Fields)
		require.Equal(t, 1, numbers)
	case data.FrameTypeTimeSeriesWide:
		if len(f.Fields) == 0 {
			return // No data. A time without a number would be an error.
		}
		require.Equal(t, 1, times)
		require.Positive(t, numbers)
		require.Zero(t, texts+others)
		require.Equal(t, data.TimeSeriesTypeWide, f.TimeSeriesSchema().Type)
	default:
		t.Fatalf("a rule got a frame of type %q", f.Meta.Type)
	}
}

func TestFiltersSelect(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct {
		name, filter string
		want         int64
	}{
		{"equal", `{"key":"plan","operator":"=","value":"free"}`, 4},
		{"not equal", `{"key":"plan","operator":"!=","value":"free"}`, 13},
		{"one of", `{"key":"plan","operator":"=|","values":["free","pro"]}`, 17},
		{"none of", `{"key":"plan","operator":"!=|","values":["free","pro"]}`, 0},
		{"regular expression", `{"key":"browser","operator":"=~","value":"^Fire.*$"}`, 12},
		{"no match", `{"key":"browser","operator":"!~","value":"^Fire.*$"}`, 5},
		{"regular expressions", `{"key":"plan","operator":"=~","values":["^fr","^nothing"]}`, 4},
		{"at least", `{"key":"version","operator":">=","value":"3"}`, 0},
		{"at most", `{"key":"version","operator":"<=","value":"3"}`, 0},
		{"a trace", `{"key":"trace_id","operator":"=","value":"` + trace1 + `"}`, 4},
		{"comma", `{"key":"plan","operator":"=","value":"free,pro"}`, 0},
		{"backslash", `{"key":"plan","operator":"!=","value":"\\d\\"}`, 17},
		{"unicode", `{"key":"plan","operator":"!=","value":"日本 ☃"}`, 17},
		{"a dimension", `{"key":"environment","operator":"=","value":"staging"}`, 4},
		{"a tag that nobody has", `{"key":"no such.tag","operator":"=","value":"x"}`, 0},
		{"quotes", `{"key":"title","operator":"=","value":"It's \"quoted\" <b>"}`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := askOne(t, s, `{"mode":"error_trend","format":"numeric","filters":[`+c.filter+`]}`, nil)
			require.NoError(t, r.Error)
			sum := 0.0
			for _, f := range r.Frames[0].Fields[1:] {
				for i := range f.Len() {
					sum += f.At(i).(float64)
				}
			}
			require.InDelta(t, float64(c.want), sum, 0)
			issues := askOne(t, s, `{"mode":"issues","filters":[`+c.filter+`]}`, nil)
			require.NoError(t, issues.Error)
			require.Equal(t, c.want > 0, issues.Frames[0].Rows() > 0)
		})
	}
}

// Outcomes and releases are not of single events: filters on their own columns
// apply, others are said not to.
func TestFiltersOfSummaries(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct {
		name, mode, filter string
		rows               int
		notice             string
	}{
		{"equal", "outcomes", `{"key":"outcome","operator":"=","value":"rate_limited"}`, 1, ""},
		{"not equal", "outcomes", `{"key":"outcome","operator":"!=","value":"rate_limited"}`, 2, ""},
		{"one of", "outcomes", `{"key":"outcome","operator":"=|","values":["rate_limited","stored"]}`, 2, ""},
		{"none of", "outcomes", `{"key":"outcome","operator":"!=|","values":["rate_limited","stored"]}`, 1, ""},
		{"regular expression", "outcomes", `{"key":"reason","operator":"=~","value":"^key .*a$"}`, 1, ""},
		{"no match", "outcomes", `{"key":"reason","operator":"!~","value":"quota"}`, 2, ""},
		{"the project", "outcomes", `{"key":"project","operator":"=","value":"billing"}`, 0, ""},
		{"text of SQL", "outcomes", `{"key":"outcome","operator":"=","value":"x' OR 1=1 --"}`, 0, ""},
		{"more than", "outcomes", `{"key":"quantity","operator":">","value":"2"}`, 2, ""},
		{"at most", "outcomes", `{"key":"quantity","operator":"<=","value":"2"}`, 1, ""},
		{"a tag", "outcomes", `{"key":"plan","operator":"=","value":"pro"}`, 3, "Filters on plan do not apply to outcomes."},
		{"a trace", `trace","traceId":"` + trace1, `{"key":"plan","operator":"=","value":"pro"}`, 2, "Filters on plan do not apply to a trace."},
		{"annotations", "annotations", `{"key":"plan","operator":"=","value":"pro"}`, 3, "Filters on plan do not apply to annotations."},
		{"a tag of releases", "releases", `{"key":"plan","operator":"=","value":"pro"}`, 3, "Filters on plan do not apply to releases."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := askOne(t, s, `{"mode":"`+c.mode+`","filters":[`+c.filter+`]}`, nil)
			require.NoError(t, r.Error)
			require.Equal(t, c.rows, r.Frames[0].Rows())
			if c.notice == "" {
				require.Empty(t, r.Frames[0].Meta.Notices)
			} else {
				require.Equal(t, c.notice, r.Frames[0].Meta.Notices[0].Text)
			}
		})
	}
}

func TestProjectsKeepApart(t *testing.T) {
	s := source(t, nil, nil)
	for _, m := range modes {
		if strings.Contains(m.body, "project") || strings.Contains(m.name, "sql") {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			r := askOne(t, s, strings.TrimSuffix(m.body, "}")+`,"project":"billing"}`, nil)
			require.NoError(t, r.Error)
			raw, err := json.Marshal(r.Frames)
			require.NoError(t, err)
			for _, foreign := range []string{"ValueError", "TimeoutError", "shop@", "line 0", "charge"} {
				require.NotContains(t, string(raw), foreign)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct {
		name, body, want string
		status           backend.Status
	}{
		{"unknown mode", `{"mode":"all"}`, `There is no mode "all"`, 400},
		{"not JSON", `{`, "cannot be read", 400},
		{"unknown project", `{"mode":"issues","project":"nope"}`, `there is no project "nope"`, 400},
		{"short issue", `{"mode":"events","issue":"ff"}`, "16 hex digits", 400},
		{"short trace", `{"mode":"trace","traceId":"ff"}`, "32 hex digits", 400},
		{"variable in a rule", `{"mode":"issues","project":"$project"}`, "variable $project, which has no value", 400},
		{"wrong regular expression", `{"mode":"events","filters":[{"key":"a","operator":"=~","value":"("}]}`, "not a regular expression", 400},
		{"no number", `{"mode":"events","filters":[{"key":"retries","operator":"<","value":"x"}]}`, "compares with one number", 400},
		{"two numbers", `{"mode":"events","filters":[{"key":"retries","operator":">","values":["1","2"]}]}`, "compares with one number", 400},
		{"wrong operator", `{"mode":"events","filters":[{"key":"a","operator":"or 1=1","value":"("}]}`, "has the operator", 400},
		{"unknown query", `{"mode":"catalog","name":"nope"}`, `the catalog has no query "nope"`, 400},
		{"a query of the owner", `{"mode":"catalog","name":"disk_report"}`, "the catalog has no query", 400},
		{"a query of triage", `{"mode":"catalog","name":"triage_undo"}`, "the catalog has no query", 400},
		{"no query", `{"mode":"catalog"}`, "name a query of the catalog", 400},
		{"unknown value", `{"mode":"catalog","name":"cost","params":{"color":"x"}}`, "takes by, key, from, to, limit", 400},
		{"wrong value", `{"mode":"catalog","name":"cost","params":{"by":"color"}}`, "is none of issue,", 400},
		{"several values", `{"mode":"catalog","name":"sessions","params":{"release":"[\"a\",\"b\"]"}}`, "takes one value, not 2", 400},
		{"unknown number", `{"mode":"catalog","name":"cost","format":"numeric","metric":"beauty"}`, "no number \"beauty\"", 400},
		{"unknown macro", `{"mode":"sql","sql":"SELECT $__nope(x)"}`, "there is no macro $__nope", 400},
		{"syntax", `{"mode":"sql","sql":"SELEC 1"}`, "ClickHouse says: Syntax error", 400},
		{"write", `{"mode":"sql","sql":"INSERT INTO issue_actions (project_id) VALUES (1)"}`, "may only read", 403},
		{"drop", `{"mode":"sql","sql":"DROP TABLE events"}`, "may only read", 403},
		{"settings", `{"mode":"sql","sql":"SELECT 1 SETTINGS max_execution_time = 4000"}`, "ClickHouse says", 400},
		{"another table", `{"mode":"sql","sql":"SELECT * FROM nothing"}`, "errata migrate", 400},
		{"a file", `{"mode":"sql","sql":"SELECT * FROM file('/etc/passwd')"}`, "may only read", 403},
		{"no time column", `{"mode":"sql","format":"time_series","sql":"SELECT 'a' AS a, 1 AS n"}`, "needs a column of times", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := askOne(t, s, c.body, nil)
			require.Error(t, r.Error)
			require.Contains(t, strings.ToLower(r.Error.Error()), strings.ToLower(c.want))
			require.Equal(t, c.status, r.Status)
			require.Equal(t, backend.ErrorSourceDownstream, r.ErrorSource)
		})
	}
}

// One query that fails leaves the others alone.
func TestOneBadQuery(t *testing.T) {
	s := source(t, nil, nil)
	r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{
		query("A", `{"mode":"issues"}`), query("B", `{"mode":"sql","sql":"SELEC"}`), query("C", `nonsense`), query("D", `{"mode":"error_trend"}`),
	}})
	require.NoError(t, err)
	for ref, fails := range map[string]bool{"A": false, "B": true, "C": true, "D": false} {
		require.Equal(t, fails, r.Responses[ref].Error != nil, ref)
		require.Equal(t, !fails, len(r.Responses[ref].Frames) > 0, ref)
	}
}

// A panel that is left takes its query along.
func TestCancelReachesTheServer(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	running := func() []string {
		r, err := owner.SQL(t.Context(), "SELECT Settings['log_comment'] FROM system.processes WHERE user = 'reader' AND query LIKE '%sleepEachRow%'")
		require.NoError(t, err)
		out := []string{}
		for _, v := range r.Rows {
			out = append(out, fmt.Sprint(v[0]))
		}
		return out
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan backend.DataResponse, 1)
	go func() {
		r, err := s.QueryData(ctx, &backend.QueryDataRequest{
			Headers: map[string]string{"http_X-Dashboard-Uid": "dash", "http_X-Panel-Id": "7"},
			Queries: []backend.DataQuery{query("A", `{"mode":"sql","sql":"SELECT sum(sleepEachRow(0.1)) FROM numbers(250) SETTINGS max_block_size = 1"}`)},
		})
		if err == nil {
			done <- r.Responses["A"]
		}
	}()
	require.Eventually(t, func() bool { return len(running()) == 1 }, 10*time.Second, 50*time.Millisecond)
	require.JSONEq(t, `{"app":"errata-grafana","dashboard":"dash","panel":"7","ref":"A","mode":"sql"}`, running()[0])
	cancel()
	select {
	case r := <-done:
		require.Error(t, r.Error)
	case <-time.After(20 * time.Second):
		t.Fatal("the query did not return")
	}
	require.Eventually(t, func() bool { return len(running()) == 0 }, 20*time.Second, 50*time.Millisecond, "it would have lasted 25 s")
}

func TestMacrosReadAsTheServerDoes(t *testing.T) {
	s := source(t, nil, nil)
	for name, sql := range map[string]string{
		"a hash":            "SELECT 1 AS n # don't $__nope\n, $__interval_s AS s",
		"a hash and a bang": "SELECT 1 AS n #! don't $__nope\n, $__interval_s AS s",
		"marks":             "SELECT $$it's $__nope$$ AS n, $__interval_s AS s",
		"named marks":       "SELECT $a$it's $$ $__nope$a$ AS n, $__interval_s AS s",
		"two quotes":        "SELECT 'it''s $__nope' AS n, $__interval_s AS s",
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"mode": "sql", "sql": sql})
			require.NoError(t, err)
			r := askOne(t, s, string(body), nil)
			require.NoError(t, r.Error)
			require.Contains(t, r.Frames[0].Meta.ExecutedQueryString, "3600 AS s")
			require.Equal(t, 1, r.Frames[0].Rows())
		})
	}
}
