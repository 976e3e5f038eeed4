package queries_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// An id means the same however it is written, as people copy them: in capitals,
// with dashes, with a space at its end. What is kept for it hears of merges too.
func TestIDsInAnyForm(t *testing.T) {
	owner, project := store(t, "errata"), newProject()
	now, trace, into := time.Now(), "4bf92f3577b34da6a3ce929d0e0e4736", uint64(0xabcdef)
	seed(t, owner, event{project: project, fingerprint: into, id: uuid.NewString(), ts: now, trace: trace, title: "one"},
		event{project: project, fingerprint: 0xfedcba, id: uuid.NewString(), ts: now.Add(-time.Second), trace: strings.Repeat("0", 31) + "1", title: "two"},
		event{project: project, fingerprint: 0xdddddd, id: uuid.NewString(), ts: now.Add(-time.Second), title: "no trace"})
	listed := func(issue string) []string {
		return askAny(t, owner, "event_search", "title", "projects", text(project), "issue", issue)
	}
	forms := []string{issueHex(into), strings.ToUpper(issueHex(into)), issueHex(into) + " "}
	for _, issue := range forms {
		require.Equal(t, []string{"one"}, listed(issue), issue)
		require.Equal(t, []string{issueHex(into)}, askAny(t, owner, "marks", "issue", "projects", text(project), "kind", "first_seen", "issue", issue), issue)
		require.Equal(t, []string{"1"}, askAny(t, owner, "error_trend_split", "events", "projects", text(project), "issue", issue, "bucket_seconds", "2592000"), issue)
	}
	_, err := owner.Triage(t.Context(), queries.Change{Kind: queries.Merge, Issues: []string{issueHex(0xfedcba)}, Into: issueHex(into), Project: project, Actor: "ann"})
	require.NoError(t, err)
	for _, issue := range forms {
		require.Equal(t, []string{"one", "two"}, listed(issue), issue)
	}
	id, err := uuid.Parse(trace)
	require.NoError(t, err)
	for _, form := range []string{trace, strings.ToUpper(trace), id.String(), " " + trace + "\n"} {
		require.Equal(t, []string{"one"}, ask(t, owner, project, "trace", "name", "trace_id", form), form)
	}
}

// What is no id is said to be none, and not looked for among what has none.
func TestWhatIsNoIDIsRefused(t *testing.T) {
	s := store(t, "reader")
	for _, c := range []struct{ query, param, value, want string }{
		{"event_search", "issue", "ff", "is not an issue: give its 16 hex digits"},
		{"error_trend_split", "issue", "all", "is not an issue"},
		{"marks", "issue", issueHex(1) + "0", "is not an issue"},
		{"issue_titles", "issues", issueHex(1) + ",2", `"2" is not an issue`},
		{"trace", "trace_id", "", "is not a trace id: give its 32 hex digits"},
		{"trace", "trace_id", "4bf92f35", "is not a trace id"},
		{"trace_spans", "trace_id", strings.Repeat("g", 32), "is not a trace id"},
		{"log_lines", "trace_id", strings.Repeat("0", 33), "is not a trace id"},
		{"tag_lift", "min_support", "NaN", "is not a number"},
	} {
		values := map[string]string{c.param: c.value}
		if c.query == "tag_lift" {
			values["project"], values["issue"] = "1", issueHex(1)
		}
		_, err := s.Run(t.Context(), c.query, values)
		require.ErrorIs(t, err, catalog.ErrParam, c)
		require.ErrorContains(t, err, c.want, c)
	}
	for _, given := range []map[string]string{{"issue": ""}, {"issue": " "}} {
		_, err := s.Run(t.Context(), "event_search", given)
		require.NoError(t, err, "empty is all")
	}
}

// A filter means the same to what reads it first and to the server, and one that
// means nothing is refused whether or not there is a row to try it on.
func TestFiltersAreReadOnce(t *testing.T) {
	s, project := store(t, "reader"), newProject()
	seed(t, store(t, "errata"), event{project: project, fingerprint: 1, id: uuid.NewString(), ts: time.Now(), title: "one", tags: map[string]string{"plan": "pro", "ms": "70"}})
	for filters, want := range map[string][]string{
		`[{"Key":"plan","OPERATOR":"=","values":["pro"]}]`:                   {"one"},
		`[{"key":"plan","operator":"=","values":["pro"],"values":["free"]}]`: nil,
		`[{"key":"plan","operator":"=~","values":["pro|<&>"]}]`:              {"one"},
		`[{"key":"ms","operator":">","values":[" +60 "]}]`:                   {"one"},
		`[{"key":"ms","operator":">","values":["0x50p0"]}]`:                  nil,
		`[{"key":"ms","operator":">","values":["0x40p0"]}]`:                  {"one"},
		"null": {"one"}, " [] ": {"one"},
	} {
		require.Equal(t, want, askAny(t, s, "event_search", "title", "projects", text(project), "filters", filters), filters)
	}
	for _, query := range []string{"event_search", "log_lines", "trace_find"} {
		for filters, want := range map[string]string{
			`[{"key":"plan","operator":"=~","values":["pro","("]}]`: `"(" of "plan" is not a regular expression`,
			`[{"key":"plan","operator":"!~","values":["a{1001}"]}]`: "is not a regular expression",
			`[{"key":"ms","operator":">","values":["many"]}]`:       "compares with one number",
			`[{"key":"ms","operator":"<","values":[]}]`:             "compares with one number",
			`[{"key":"ms","operator":"<","values":["1","2"]}]`:      "compares with one number",
			`[{"key":"ms","operator":"~","values":["1"]}]`:          "is none of",
			`[null]`: "is none of",
		} {
			_, err := s.Run(t.Context(), query, map[string]string{"projects": "1", "filters": filters})
			require.ErrorIs(t, err, catalog.ErrParam, filters)
			require.ErrorContains(t, err, want, query)
		}
	}
}

// Clients are told the id of a check-in: what became of it is asked by it.
func TestWhereACheckInIs(t *testing.T) {
	owner, s := store(t, "errata"), store(t, "reader")
	project, id := newProject(), uuid.NewString()
	require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO check_ins (project_id, check_in_id, monitor, status, ts, received_at, trace_id) SELECT ?, toUUID(?), 'nightly', ['in_progress', 'timeout'][number + 1], now64(3) + number, now64(3) + number, 'abc' FROM numbers(2)", project, id))
	require.Equal(t, []string{
		"stored | " + text(project) + " | monitor | nightly: in_progress | Stored in check_ins. | abc | errata.check_ins",
		"stored | " + text(project) + " | monitor | nightly: timeout | Found by the store, nobody sent it. | abc | errata.check_ins",
	}, askAny(t, s, "where_event", "outcome project_id category title detail trace_id place", "event_id", id))
}
