package queries_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// A merged issue is one and a split one is two, in every query of the catalog
// that names issues.
func TestMergedIsOneEverywhere(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	now := time.Now().UTC().Truncate(time.Second)
	const loser, winner = 0xfeed0001, 0xfeed0002
	event1, trace := uuid.NewString(), strings.ReplaceAll(uuid.NewString(), "-", "")
	for i, f := range []uint64{loser, winner, loser} {
		id := uuid.NewString()
		if i == 0 {
			id = event1
		}
		seed(t, owner, event{project: project, fingerprint: f, id: id, ts: now.Add(time.Duration(i-4) * time.Minute), release: "shop@1.0.0", trace: trace, user: uint64(i + 1), tags: map[string]string{"plan": "pro"}})
	}
	seed(t, owner, event{project: project, fingerprint: 3, ts: now.Add(-time.Hour), release: "shop@0.9.0"})
	exec := func(sql string, args ...any) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), sql, args...))
	}
	exec("INSERT INTO feedback (project_id, ts, message, feedback_id, event_id) VALUES (?, now64(3), 'help', generateUUIDv4(), ?)", project, event1)
	exec("INSERT INTO logs (project_id, ts, trace_id, service, severity, body, fingerprint) VALUES (?, now64(6), ?, 'shop', 17, 'x', ?)", project, trace, uint64(loser))
	exec("INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, is_segment, duration_us) VALUES (?, now64(6) - 240, ?, 'aa', 'shop', 'GET /', true, 5)", project, trace)
	triage := func(c queries.Change) {
		t.Helper()
		c.Project, c.Actor = project, "ann"
		_, err := owner.Triage(t.Context(), c)
		require.NoError(t, err)
	}
	triage(queries.Change{Kind: queries.Comment, Comment: "mine", Issues: []string{issueHex(loser)}})
	triage(queries.Change{Kind: queries.Merge, Issues: []string{issueHex(loser)}, Into: issueHex(winner)})
	triage(queries.Change{Kind: queries.Resolve, Issues: []string{issueHex(winner)}})
	time.Sleep(5 * time.Millisecond)
	seed(t, owner, event{project: project, fingerprint: loser, id: uuid.NewString(), ts: time.Now(), release: "shop@1.0.0"})

	values := map[string]string{"project": text(project), "projects": text(project), "event_id": event1, "trace_id": trace, "release": "shop@1.0.0", "text": "ValueError", "at": "+1m", "to": "+1m", "by": "issue", "before": "+1m"}
	all, err := catalog.All()
	require.NoError(t, err)
	// How often the issue is named at least: a query that forgot it would show nothing wrong.
	named := map[string]bool{}
	look := func(q *catalog.Query, extra map[string]string) (text string) {
		given := map[string]string{}
		for _, p := range q.Params {
			if v, ok := values[p.Name]; ok && (len(p.OneOf) == 0 || strings.Contains(strings.Join(p.OneOf, ","), v)) {
				given[p.Name] = v
			}
			if p.Type == "Issue" {
				given[p.Name] = issueHex(winner)
			}
		}
		if q.Name == "similar_issues" {
			given["issue"] = issueHex(3)
		}
		maps.Copy(given, extra)
		r, err := owner.Run(t.Context(), q.Name, given)
		require.NoError(t, err, q.Name)
		for _, row := range r.Rows {
			for i, v := range row {
				// The members of an issue, and the sentence of what was done, name fingerprints.
				if n := r.Columns[i].Name; n == "fingerprints" || n == "detail" || n == "text" || n == "title" || n == "hashes" {
					continue
				}
				text += cellText(v) + " "
			}
		}
		return text
	}
	variants := map[string][]map[string]string{"marks": {{"kind": "first_seen"}, {"kind": "regressions"}, {"kind": "actions"}}, "trace_find": {{"text": ""}}, "option_values": {{"text": "", "key": "level"}}}
	for _, q := range all {
		if strings.HasPrefix(q.Name, "triage_") || q.Name == "issue_history" { // The log itself.
			continue
		}
		for _, extra := range append([]map[string]string{nil}, variants[q.Name]...) {
			skip := false
			for _, p := range q.Params {
				skip = skip || p.Required && values[p.Name] == "" && p.Type != "Issue" && extra[p.Name] == ""
			}
			if skip {
				continue
			}
			shown := look(q, extra)
			require.NotContains(t, shown, issueHex(loser), "%s %v", q.Name, extra)
			if strings.Contains(shown, issueHex(winner)) {
				named[q.Name+" "+extra["kind"]] = true
			}
		}
	}
	for _, name := range []string{"cost ", "error_trend_split ", "event_by_id ", "event_search ", "feedback ", "issue_detail ", "issue_list ", "marks first_seen", "marks regressions", "marks actions", "new_since_release ",
		"regressed_issues ", "similar_issues ", "state_as_of ", "text_search ", "trace ", "trace_find ", "where_event "} {
		require.True(t, named[name], "%s does not name the issue: %v", name, named)
	}
}

func cellText(v any) string {
	if id, ok := v.(uuid.UUID); ok {
		return id.String()
	}
	return text(v)
}

// Questions that make no sense, or are about nothing, are answered all the
// same: with no row, or with a sentence that says what is wrong.
func TestStrangeQuestions(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	strange := "100%_'\"\\ \t'; DROP TABLE events; --\u202e日本\x00" + strings.Repeat("x", 3000)
	seed(t, owner,
		event{project: project, fingerprint: 1, id: uuid.NewString(), release: strange, environment: strange, service: strange, title: "A: " + strange, tags: map[string]string{"plan": strange, strange: "v"}, trace: strings.Repeat("a", 32)},
		event{project: project, fingerprint: 2, id: uuid.NewString(), release: "100x", environment: "x", service: "y", title: "B: b"})
	all, err := catalog.All()
	require.NoError(t, err)
	for _, q := range all {
		if strings.HasPrefix(q.Name, "triage_") {
			continue
		}
		base := map[string]string{}
		window := 0
		for _, p := range q.Params {
			switch {
			case p.Type == "Issue":
				base[p.Name] = issueHex(1)
			case p.Name == "project" || p.Name == "projects":
				base[p.Name] = text(project)
			case p.Name == "tag": // Anything else is refused before all other parameters.
				base[p.Name] = "plan=" + strange
			case p.Type == "String" && len(p.OneOf) == 0 && !slices.Contains([]string{"filters", "issue", "issues", "fingerprints", "trace_id"}, p.Name):
				base[p.Name] = strange
			case p.Required && p.Type == "UUID":
				base[p.Name] = uuid.NewString()
			case p.Required:
				base[p.Name] = "now"
			}
			if p.Name == "from" || p.Name == "to" {
				window++
			}
		}
		run := func(what string, extra map[string]string) (*queries.Result, error) {
			given := maps.Clone(base)
			maps.Copy(given, extra)
			for name := range given {
				if !hasParam(q, name) {
					delete(given, name)
				}
			}
			r, err := owner.Run(t.Context(), q.Name, given)
			if err != nil {
				require.ErrorIs(t, err, catalog.ErrParam, "%s, %s", q.Name, what)
			}
			return r, err
		}
		_, _ = run("odd text", nil)
		if r, err := run("a project that is not there", map[string]string{"project": "4000000000", "projects": "4000000000"}); err == nil && (hasParam(q, "project") || hasParam(q, "projects")) && q.Name != "issue_trend" && q.Name != "newest_receipt" { // Those fill gaps, or say that there is nothing.
			require.Empty(t, r.Rows, q.Name)
		}
		if hasParam(q, "limit") {
			if r, err := run("limit 0", map[string]string{"limit": "0"}); err == nil {
				require.Empty(t, r.Rows, q.Name)
			}
			_, _ = run("limit over all", map[string]string{"limit": "4294967295"})
		}
		if window == 2 {
			_, err := run("from after to", map[string]string{"from": "now", "to": "-1h"})
			require.ErrorContains(t, err, "is after to", q.Name)
		}
	}
	// The odd text is found by what it is, and by nothing that LIKE would take it for.
	for _, name := range []string{"release", "environment", "service"} {
		r, err := owner.Run(t.Context(), "event_search", map[string]string{"projects": text(project), name: strings.NewReplacer("\n", "").Replace(strange)})
		require.NoError(t, err)
		require.Equal(t, []any{issueHex(1)}, r.Column("issue"), name)
		r, err = owner.Run(t.Context(), "event_search", map[string]string{"projects": text(project), name: "100%"})
		require.NoError(t, err)
		require.Empty(t, r.Rows, name)
	}
}

func hasParam(q *catalog.Query, name string) bool {
	for _, p := range q.Params {
		if p.Name == name {
			return true
		}
	}
	return false
}

// Messages without exception and place are alike by what they say.
func TestSimilarMessages(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	for f, title := range map[uint64]string{1: "Cannot charge the card of customer 17", 2: "Cannot charge the card of customer 18", 3: "Disk full", 4: "404", 5: "500", 6: "", 7: "404", 8: "404 Not Found"} {
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, weight, title, payload, retention_days) VALUES (?, now64(3), now64(3), ?, generateUUIDv4(), 1, ?, '{}', 90)", project, f, title))
	}
	require.Equal(t, []string{issueHex(2)}, ask(t, owner, project, "similar_issues", "issue", "issue", issueHex(1)))
	require.Empty(t, ask(t, owner, project, "similar_issues", "issue", "issue", issueHex(99)), "an issue that is not there")
	require.Equal(t, []string{issueHex(7)}, ask(t, owner, project, "similar_issues", "issue", "issue", issueHex(4)), "short ones are alike when they are the same")
	require.Empty(t, ask(t, owner, project, "similar_issues", "issue", "issue", issueHex(6)))
}

// A twin brings its own tags, and counts nowhere.
func TestTagsOfTwins(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString(), weight: 20, tags: map[string]string{"plan": "pro"}},
		event{project: project, fingerprint: 1, id: uuid.NewString(), weight: -1, tags: map[string]string{"plan": "twin", "otel.scope": "x"}},
		event{project: project, fingerprint: 2, id: uuid.NewString(), weight: -1, tags: map[string]string{"plan": "pro"}})
	require.Equal(t, []string{"plan | pro | 20 | 1.000 | 1"}, ask(t, owner, project, "tag_distribution", "key value events share values", "issue", issueHex(1), "key", "plan"))
	for _, f := range []uint64{1, 2} {
		for _, line := range ask(t, owner, project, "tag_lift", "key value events lift", "issue", issueHex(f), "min_support", "0") {
			require.NotContains(t, line, "| 0 |")
			require.NotContains(t, line, "NaN")
		}
	}
	for filter, want := range map[string][]string{
		`"=","values":["pro"]`: {issueHex(1)}, `"=","values":["twin"]`: nil, `"!=","values":["pro"]`: nil, `"=~","values":["^tw"]`: nil,
	} {
		require.Equal(t, want, ask(t, owner, project, "issue_list", "issue", "status", "any", "filters", `[{"key":"plan","operator":`+filter+`}]`), filter)
	}
	require.Equal(t, []string{issueHex(1)}, ask(t, owner, project, "issue_list", "issue", "status", "any", "tag", "plan=pro"), "as by the filter")
	require.Empty(t, ask(t, owner, project, "issue_list", "issue", "status", "any", "tag", "plan=twin"))
	require.Len(t, ask(t, owner, project, "issue_list", "issue", "status", "any", "filters", `[{"key":"level","operator":"=","values":["error"]}]`), 2, "a column is every row's")
}

// A page of events is full while there are older ones: rows that count a flood
// are many events, and those of a busy day may all be after the moment.
func TestNewestEventsFillThePage(t *testing.T) {
	owner := store(t, "errata")
	now := time.Now().UTC().Truncate(24 * time.Hour)
	for name, newest := range map[string]event{"a flood": {ts: now.Add(-20 * time.Hour), weight: 100_000}, "a busy day before which to look": {ts: now.Add(-1 * time.Hour), weight: 5000}} {
		t.Run(name, func(t *testing.T) {
			project := newProject()
			newest.project, newest.fingerprint = project, 1
			block := []event{newest}
			for i := range 120 {
				block = append(block, event{project: project, fingerprint: 1, ts: now.Add(-time.Duration(30+i) * time.Hour), id: uuid.NewString()})
			}
			seed(t, owner, block...)
			before := now.Add(-2 * time.Hour).Format(time.RFC3339)
			require.Len(t, ask(t, owner, project, "latest_events", "ts", "issue", issueHex(1), "before", before, "limit", "50"), 50)
			require.Len(t, ask(t, owner, project, "latest_events", "ts", "issue", issueHex(1), "before", before, "limit", "1000"), len(block)-map[bool]int{true: 1}[newest.ts.After(now.Add(-2*time.Hour))])
			require.Empty(t, ask(t, owner, project, "latest_events", "ts", "issue", issueHex(1), "before", now.Add(-30*24*time.Hour).Format(time.RFC3339)))
		})
	}
}
