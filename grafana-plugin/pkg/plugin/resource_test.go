package plugin_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// window is the URL part of the seeded time.
func window() string {
	return fmt.Sprintf("from=%d&to=%d", base.UnixMilli(), base.Add(12*time.Hour).UnixMilli())
}

const eventB = "00000001000040008000000000000100"

func resolve(project int, issues ...string) string {
	raw, _ := json.Marshal(map[string]any{"project": project, "issues": issues, "action": "resolve"})
	return string(raw)
}

// Every route by everybody: who may read may read all, who may write is
// decided by the setting.
func TestRoles(t *testing.T) {
	unsaid(t)
	users := []struct {
		name string
		user *backend.User
		may  map[string]bool // By setting.
	}{
		{"nobody signed in", nil, nil},
		{"no role", &backend.User{Login: "x"}, nil},
		{"unknown role", &backend.User{Login: "x", Role: "Superman"}, nil},
		{"viewer", viewer, map[string]bool{"Viewer": true}},
		{"editor", editor, map[string]bool{"Viewer": true, "Editor": true}},
		{"admin", admin, map[string]bool{"Viewer": true, "Editor": true, "Admin": true}},
		{"admin without a login", &backend.User{Role: "Admin"}, nil},
	}
	calls := map[string]string{ // A URL of each route; one without a row fails.
		"GET me": "me", "GET issues": "issues?" + window(), "GET issues/{project}/{issue}": "issues/1/" + issueA + "?" + window(),
		"GET issues/{project}/{issue}/event": "issues/1/" + issueA + "/event", "GET issues/{project}/{issue}/events": "issues/1/" + issueA + "/events?limit=2", "GET issues/{project}/{issue}/users": "issues/1/" + issueA + "/users?" + window(),
		"GET events/{project}/{id}": "events/1/" + eventB, "GET traces/{id}": "traces/" + trace1, "GET live": "live?query=" + url.QueryEscape(`{"mode":"logs"}`),
		"GET options/{kind}": "options/tag_value?key=plan&" + window(), "GET catalog": "catalog",
		"GET log_context": "log_context?id=00000000-0000-4000-8000-000000000003&ts=" + fmt.Sprint(base.Add(time.Hour+3*time.Second).UnixNano()) + "&labels=" + url.QueryEscape(`{"service":"web","project_id":"1"}`),
		"POST triage":     "triage",
	}
	comment := `{"project":2,"issues":["` + issueC + `"],"action":"comment","comment":"seen"}`
	for _, role := range []string{"Viewer", "Editor", "Admin", "nobody"} {
		s := source(t, settings{"triageRole": role}, nil)
		routes := s.Routes()
		require.Len(t, routes, len(calls), "a row for a route that is not there")
		for _, u := range users {
			t.Run(role+"/"+u.name, func(t *testing.T) {
				for _, route := range routes {
					method, _, _ := strings.Cut(route, " ")
					target, ok := calls[route]
					require.True(t, ok, "%s has no row in the table of roles", route)
					if role == "Editor" || method != getMethod { // Reads do not depend on the setting.
						body, want := "", 200
						if method == postMethod {
							body = comment
							if !u.may[role] {
								want = 403
							}
						}
						status, answer := call(t, s, u.user, method, target, body, nil)
						require.Equal(t, want, status, "%s: %v", route, answer)
						if status == 403 {
							require.NotEmpty(t, answer["message"])
						}
					}
					for _, other := range []string{getMethod, postMethod, "PUT", "PATCH", "DELETE"} { // Each by its own method only.
						if other != method {
							status, _ := call(t, s, u.user, other, target, comment, nil)
							require.Equal(t, 405, status, "%s %s", other, route)
						}
					}
				}
				_, me := call(t, s, u.user, getMethod, "me", "", nil)
				require.Equal(t, u.may[role], me["canTriage"], "%v", me)
				require.Equal(t, u.may[role], me["reason"] == "")
			})
		}
	}
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	r, err := owner.SQL(t.Context(), "SELECT actor, count() FROM issue_actions WHERE project_id = 2 GROUP BY actor ORDER BY actor")
	require.NoError(t, err)
	require.Equal(t, "[[ada 3] [ed 2] [vera 1]]", fmt.Sprint(r.Rows))
}

func TestTriageTakesJSONOfOwnPagesOnly(t *testing.T) {
	s := source(t, nil, nil)
	ok := `{"project":2,"issues":["` + issueC + `"],"action":"priority"}`
	comment := `{"project":2,"issues":["` + issueC + `"],"action":"comment","comment":"x"}`
	json1 := map[string][]string{"Content-Type": {"application/json; charset=utf-8"}}
	for _, c := range []struct {
		name, method, body string
		headers            map[string][]string
		want               int
	}{
		{"JSON", postMethod, comment, json1, 200},
		{"same origin", postMethod, comment, map[string][]string{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"another site", postMethod, comment, map[string][]string{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"another port of the same host", postMethod, comment, map[string][]string{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-site"}}, 403},
		{"a page without an origin", postMethod, comment, map[string][]string{"Content-Type": {"application/json"}, "Origin": {"null"}}, 403},
		{"two content types", postMethod, comment, map[string][]string{"Content-Type": {"application/json, text/plain"}}, 415},
		{"a form", postMethod, "project=2&action=resolve", map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
		{"plain text", postMethod, comment, map[string][]string{"Content-Type": {"text/plain"}}, 415},
		{"no content type", postMethod, comment, map[string][]string{}, 415},
		{"multipart", postMethod, comment, map[string][]string{"Content-Type": {"multipart/form-data; boundary=x"}}, 415},
		{"GET", getMethod, comment, json1, 405},
		{"PUT", "PUT", comment, json1, 405},
		{"DELETE", "DELETE", comment, json1, 405},
		{"empty", postMethod, "", json1, 400},
		{"not JSON", postMethod, "resolve", json1, 400},
		{"a list", postMethod, "[" + comment + "]", json1, 400},
		{"two", postMethod, comment + comment, json1, 400},
		{"unknown field", postMethod, `{"project":2,"issues":["` + issueC + `"],"action":"comment","comment":"x","actor":"root"}`, json1, 400},
		{"unknown action", postMethod, ok, json1, 400},
		{"too large", postMethod, `{"comment":"` + strings.Repeat("x", 70000) + `"}`, json1, 413},
		{"too many", postMethod, resolve(2, make([]string, 101)...), json1, 400},
		{"none", postMethod, resolve(2), json1, 400},
		{"another project's issue", postMethod, resolve(1, issueC), json1, 400},
		{"no such issue", postMethod, resolve(2, "0000000000000001"), json1, 400},
		{"injection", postMethod, resolve(2, "' OR 1=1 --"), json1, 400},
		{"past", postMethod, `{"project":2,"issues":["` + issueC + `"],"action":"ignore","until":1000}`, json1, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := call(t, s, editor, c.method, "triage", c.body, c.headers)
			require.Equal(t, c.want, status, "%v", body)
		})
	}
}

// A triage action shows in the next list and detail, signed.
func TestTriageIsSeen(t *testing.T) {
	s := source(t, nil, nil)
	detail := func() map[string]any {
		status, d := call(t, s, viewer, getMethod, "issues/billing/"+issueC+"?"+window(), "", nil)
		require.Equal(t, 200, status, "%v", d)
		return d
	}
	for _, step := range []struct{ body, field, want string }{
		{`"action":"resolve"`, "status", "resolved"},
		{`"action":"unresolve"`, "status", "ongoing"},
		{`"action":"ignore","untilEvents":5`, "status", "ignored"},
		{`"action":"assign","assignee":"team pay"`, "assignee", "team pay"},
		{`"action":"unassign"`, "assignee", ""},
		{`"action":"resolve","inRelease":"billing@4"`, "status", "resolved"},
	} {
		status, body := call(t, s, editor, postMethod, "triage", `{"project":2,"issues":["`+issueC+`"],`+step.body+`}`, nil)
		require.Equal(t, 200, status, "%v", body)
		d := detail()
		require.Equal(t, step.want, d[step.field], step.body)
		last := d["history"].([]any)[0].(map[string]any)
		require.Equal(t, "ed", last["actor"])
		time.Sleep(2 * time.Millisecond) // Actions are ordered by milliseconds.
	}
	_, list := call(t, s, viewer, getMethod, "issues?project=billing&status=resolved&"+window(), "", nil)
	require.Len(t, list["issues"], 1)
	_, list = call(t, s, viewer, getMethod, "issues?project=billing&status=open&"+window(), "", nil)
	require.Empty(t, list["issues"])
}

func TestMergeAndSplit(t *testing.T) {
	s := source(t, nil, nil)
	status, body := call(t, s, editor, postMethod, "triage", `{"project":1,"issues":["`+issueB+`"],"action":"merge","into":"`+issueA+`"}`, nil)
	require.Equal(t, 200, status, "%v", body)
	_, d := call(t, s, viewer, getMethod, "issues/1/"+issueA+"?"+window(), "", nil)
	require.InDelta(t, 16, d["events"], 0)
	require.Equal(t, []any{issueA, issueB}, d["fingerprints"])
	// A link to what was merged, such as a rule has sent, leads to the survivor.
	status, d = call(t, s, viewer, getMethod, "issues/1/"+issueB+"?"+window(), "", nil)
	require.Equal(t, 200, status, "%v", d)
	require.Equal(t, issueA, d["issue"], "%v", d)
	require.InDelta(t, 16, d["events"], 0)
	require.Len(t, d["history"], 1)
	_, row := call(t, s, viewer, getMethod, "issues/shop/"+issueB+"?brief=true", "", nil)
	require.Equal(t, issueA, row["issue"])
	require.NotContains(t, row, "history", "a row has no parts")
	status, _ = call(t, s, viewer, getMethod, "issues/2/"+issueB+"?"+window(), "", nil)
	require.Equal(t, 404, status, "merges are of one project")
	status, body = call(t, s, editor, postMethod, "triage", `{"project":1,"issues":["`+issueB+`"],"action":"split"}`, nil)
	require.Equal(t, 200, status, "%v", body)
	_, d = call(t, s, viewer, getMethod, "issues/1/"+issueA+"?"+window(), "", nil)
	require.InDelta(t, 12, d["events"], 0)
}

func TestDetail(t *testing.T) {
	s := source(t, nil, nil)
	_, d := call(t, s, viewer, getMethod, "issues/shop/"+issueB+"?"+window(), "", nil)
	require.InDelta(t, 4, d["events"], 0)
	require.Equal(t, "exception stack", d["grouping"].(map[string]any)["component"])
	require.Equal(t, "shop@1.1.0", d["releases"].([]any)[0].(map[string]any)["release"])
	sum := 0.0
	for _, p := range d["trend"].([]any) {
		sum += p.([]any)[1].(float64)
	}
	require.InDelta(t, 4, sum, 0)
	for _, tag := range d["tags"].([]any) {
		if x := tag.(map[string]any); x["key"] == "plan" {
			v := x["values"].([]any)[0].(map[string]any)
			require.Equal(t, "free", v["value"])
			require.InDelta(t, 1, v["share"], 0.001)
			require.InDelta(t, 4, v["lift"], 0.001) // Always here, once in four of the project's 16.
			return
		}
	}
	t.Fatal("the tag plan is not there")
}

func TestReads(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct {
		name, url string
		status    int
		want      string
	}{
		{"issues of a project", "issues?project=billing&" + window(), 200, `"issue":"` + issueC + `"`},
		{"a page", "issues?limit=1&offset=1&sort=events&" + window(), 200, `"truncated":true`},
		{"beyond the last page", "issues?limit=1&offset=99&" + window(), 200, `"issues":[]`},
		{"search", "issues?q=payment&" + window(), 200, issueB},
		{"search of quotes", "issues?q=" + url.QueryEscape("' OR 1=1 --") + "&" + window(), 200, `"issues":[]`},
		{"unknown project", "issues?project=nope", 400, "no project"},
		{"wrong time", "issues?from=yesterday", 400, "milliseconds"},
		{"wrong limit", "issues?limit=-1", 400, "number from 0"},
		{"wrong sort", "issues?sort=drop", 400, "cannot be sorted"},
		{"no such issue", "issues/1/0000000000000001", 404, "no such issue"},
		{"an issue of another project", "issues/2/" + issueA, 404, "no such issue"},
		{"not an issue", "issues/1/xyz", 400, "16 hex digits"},
		{"the oldest events", "issues/1/" + issueB + "/events?oldest=true&limit=1", 200, eventB},
		{"a place that is none", "issues/1/" + issueB + "/events?older=' OR 1=1", 400, "older and newer take what"},
		{"both ways at once", "issues/1/" + issueB + "/events?oldest=true&older=1_" + eventB, 400, "one of older"},
		{"the newest event of an issue without any", "issues/2/" + issueB + "/event", 200, `"event":null`},
		{"an event by its id", "issues/1/" + issueB + "/event?event=" + eventB, 200, `"platform":"python"`},
		{"an event of another issue", "issues/1/" + issueA + "/event?event=" + eventB, 404, "belongs to another issue: " + issueB},
		{"an event at no end", "issues/1/" + issueA + "/event?at=middle", 400, "newest or oldest"},
		{"an event of no id", "issues/1/" + issueA + "/event?event=xyz", 400, "32 hex digits"},
		{"event", "events/shop/" + eventB, 200, `"platform":"python"`},
		{"event of another project", "events/2/" + eventB, 404, "no such event"},
		{"not an event", "events/1/xyz", 400, "32 hex digits"},
		{"trace", "traces/" + strings.ToUpper(trace1), 200, `"kind":"log"`},
		{"not a trace", "traces/zz", 400, "32 hex digits"},
		{"projects", "options/project", 200, `{"text":"shop","value":"1"}`},
		{"tag values", "options/tag_value?key=plan&" + window(), 200, `"free"`},
		{"tag values of a project", "options/tag_value?key=plan&project=billing&" + window(), 200, `{"values":[{"text":"pro","value":"pro"}]}`},
		{"values of events that other filters select", "options/filter_value?key=browser&filters=" + url.QueryEscape(`[{"key":"plan","operator":"=","value":"pro"},{"key":"browser","operator":"=","value":"none"}]`) + "&" + window(), 200, `{"values":[{"text":"Firefox","value":"Firefox"}]}`},
		{"a dimension under another filter", "options/filter_value?key=environment&filters=" + url.QueryEscape(`[{"key":"plan","operator":"=","value":"free"}]`) + "&" + window(), 200, `{"values":[{"text":"staging","value":"staging"}]}`},
		{"filters that are none", "options/filter_value?key=plan&filters=" + url.QueryEscape("' OR 1=1") + "&" + window(), 400, "list of filters"},
		{"the catalog", "catalog", 200, `"name":"release_compare"`},
		{"no key", "options/tag_value", 400, "key"},
		{"keys", "options/tag_key?" + window(), 200, `"browser"`},
		{"services", "options/service?" + window(), 200, `"worker"`},
		{"unknown kind", "options/password", 404, "no options of this kind"},
		{"nothing here", "secrets", 404, ""},
		{"outside", "../../etc/passwd", 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := call(t, s, viewer, getMethod, c.url, "", nil)
			if status == 301 || status == 307 {
				status = 404 // The path is cleaned and leads nowhere.
			}
			require.Equal(t, c.status, status, "%v", body)
			raw, err := json.Marshal(body)
			require.NoError(t, err)
			require.Contains(t, strings.ReplaceAll(string(raw), `\u0026`, "&"), c.want)
		})
	}
}

func TestLogContext(t *testing.T) {
	s := source(t, nil, nil)
	at := base.Add(time.Hour + 3*time.Second).UnixNano()
	for direction, want := range map[string]string{"forward": "line 4 of payment", "backward": "line 2 of payment"} {
		status, body := call(t, s, viewer, getMethod, fmt.Sprintf("log_context?id=00000000-0000-4000-8000-000000000003&ts=%d&direction=%s&limit=1&labels=%s", at, direction, url.QueryEscape(`{"service":"web","project_id":"1"}`)), "", nil)
		require.Equal(t, 200, status, "%v", body)
		values := body["data"].(map[string]any)["values"].([]any)
		require.Equal(t, []any{want}, values[1])
	}
}

// Whom an issue hit: as stored, most events first, within the time range.
func TestUsers(t *testing.T) {
	s := source(t, nil, nil)
	type row = map[string]any
	at := func(minutes int) float64 { return float64(base.Add(time.Duration(minutes) * time.Minute).UnixMilli()) }
	for _, c := range []struct {
		name, url string
		all       int
		want      []any
	}{
		{"of an issue", "issues/shop/" + issueB + "/users?" + window(), 3, []any{
			row{"user": "u2", "events": 2.0, "firstSeen": at(60), "lastSeen": at(240)},
			row{"user": "u1", "events": 1.0, "firstSeen": at(180), "lastSeen": at(180)},
			row{"user": "u3", "events": 1.0, "firstSeen": at(120), "lastSeen": at(120)},
		}},
		{"cut", "issues/1/" + issueB + "/users?limit=1&" + window(), 3, []any{row{"user": "u2", "events": 2.0, "firstSeen": at(60), "lastSeen": at(240)}}},
		{"another time", fmt.Sprintf("issues/1/%s/users?from=%d&to=%d", issueB, base.Add(-48*time.Hour).UnixMilli(), base.Add(-24*time.Hour).UnixMilli()), 0, []any{}},
		{"another project", "issues/2/" + issueB + "/users?" + window(), 0, []any{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := call(t, s, viewer, getMethod, c.url, "", nil)
			require.Equal(t, 200, status, "%v", body)
			require.Equal(t, c.want, body["users"])
			require.InDelta(t, c.all, body["all"], 0)
		})
	}
	for _, url := range []string{"issues/1/' OR 1=1/users", "issues/nope/" + issueB + "/users", "issues/1/ff/users", "issues/1/" + issueB + "/users?limit=x", "issues/1/" + issueB + "/users?from=x"} {
		status, body := call(t, s, viewer, getMethod, strings.ReplaceAll(url, " ", "%20"), "", nil)
		require.Equal(t, 400, status, "%s: %v", url, body)
	}
}

// A list over all projects asks each that has errors, and says where it has to
// leave some out.
func TestManyProjects(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	long := base.Add(-30 * 24 * time.Hour) // A time that no other test looks at.
	fill := func(from, n int) {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, title, exception_type, payload)
			SELECT 1000 + number, toDateTime64('%s', 3), now64(3), number + 1, [number + 1], generateUUIDv4(), if(number = 0, 5, 1), 'sentry', 'error', 'error', concat('Many', toString(number)), 'E', '{}' FROM numbers(%d, %d)`,
			long.Format("2006-01-02 15:04:05"), from, n)))
	}
	list := func() map[string]any {
		status, body := call(t, s, viewer, getMethod, fmt.Sprintf("issues?limit=200&sort=events&from=%d&to=%d", long.Add(-time.Hour).UnixMilli(), long.Add(time.Hour).UnixMilli()), "", nil)
		require.Equal(t, 200, status, "%v", body)
		return body
	}
	fill(0, 60)
	body := list()
	require.Len(t, body["issues"], 60)
	require.Empty(t, body["notice"])
	require.Equal(t, "Many0", body["issues"].([]any)[0].(map[string]any)["title"])

	fill(60, 47)
	body = list()
	require.Len(t, body["issues"], 100)
	require.Contains(t, body["notice"], "Only the 100 projects with most errors were asked, 7 were not")
	q := query("A", `{"mode":"issues","limit":500}`)
	q.TimeRange = backend.TimeRange{From: long.Add(-time.Hour), To: long.Add(time.Hour)}
	r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(r.Responses["A"].Frames[0].Meta.Notices), "7 were not")
}
