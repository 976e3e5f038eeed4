package queries_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// An issue that was merged away is asked for by the id that it had: titles and
// marks are those of the issue that it went into, in the project where it did.
func TestTitlesAndMarksOfAMergedIssue(t *testing.T) {
	project, other, owner := newProject(), newProject(), store(t, "errata")
	now := time.Now().UTC()
	const gone, kept = 0xabc1, 0xabc2
	seed(t, owner,
		event{project: project, fingerprint: gone, id: uuid.NewString(), ts: now.Add(-3 * time.Hour), title: "A: gone", release: "shop@1.0.0"},
		event{project: project, fingerprint: kept, id: uuid.NewString(), ts: now.Add(-2 * time.Hour), title: "B: kept", release: "shop@1.0.0"},
		event{project: other, fingerprint: gone, id: uuid.NewString(), ts: now.Add(-time.Hour), title: "C: of the other project"})
	triage := func(c queries.Change) {
		c.Project, c.Actor = project, "ann"
		_, err := owner.Triage(t.Context(), c)
		require.NoError(t, err)
	}
	triage(queries.Change{Kind: queries.Merge, Issues: []string{issueHex(gone)}, Into: issueHex(kept)})
	triage(queries.Change{Kind: queries.Assign, Issues: []string{issueHex(kept)}, Assignee: "bob"})
	both := text(project) + "," + text(other)
	require.Equal(t, []string{text(other) + " | " + issueHex(gone) + " | C: of the other project", text(project) + " | " + issueHex(kept) + " | B: kept"},
		askAny(t, owner, "issue_titles", "project_id issue title", "projects", both, "issues", issueHex(gone)))
	require.Equal(t, []string{text(project) + " | " + issueHex(kept) + " | B: kept"}, askAny(t, owner, "issue_titles", "project_id issue title", "projects", text(project), "issues", issueHex(gone)+","+issueHex(kept)))
	for _, issue := range []string{issueHex(gone), issueHex(kept)} {
		require.Equal(t, []string{issueHex(kept) + " | New: B: kept"}, askAny(t, owner, "marks", "issue title", "projects", text(project), "kind", "first_seen", "issue", issue))
		require.Contains(t, askAny(t, owner, "marks", "issue title", "projects", text(project), "kind", "actions", "issue", issue, "to", "+1h"), issueHex(kept)+" | ann: assign to bob")
	}
	require.Equal(t, []string{issueHex(gone) + " | New: C: of the other project"}, askAny(t, owner, "marks", "issue title", "projects", text(other), "kind", "first_seen", "issue", issueHex(gone)))
}

// Every question about an issue answers for the one that it was merged into, in the
// project where it was: who kept a link finds what he looks for. Where it was not
// merged it is itself.
func TestEveryQuestionFollowsAMerge(t *testing.T) {
	project, other, owner := newProject(), newProject(), store(t, "errata")
	now := time.Now().UTC()
	gone, kept := uint64(project)<<20|0xabc1, uint64(project)<<20|0xabc2
	for i := range 4 {
		of := []uint64{gone, kept}[i%2]
		for _, p := range []uint32{project, other} {
			seed(t, owner, event{project: p, fingerprint: of, id: uuid.NewString(), ts: now.Add(-time.Duration(i+2) * 3 * time.Hour), title: "A: of " + issueHex(of), user: uint64(i + 1), release: "shop@1.0.0", tags: map[string]string{"plan": "pro"}})
		}
	}
	seed(t, owner, event{project: project, fingerprint: 3, id: uuid.NewString(), ts: now.Add(-time.Hour), title: "A: of another"})
	for _, c := range []queries.Change{
		{Kind: queries.Comment, Comment: "mine", Issues: []string{issueHex(gone)}},
		{Kind: queries.Merge, Issues: []string{issueHex(gone)}, Into: issueHex(kept)},
		{Kind: queries.Resolve, Issues: []string{issueHex(kept)}},
	} {
		c.Project, c.Actor = project, "ann"
		_, err := owner.Triage(t.Context(), c)
		require.NoError(t, err)
	}
	from, to := now.Add(-30*time.Hour).Format(time.RFC3339Nano), now.Add(time.Minute).Format(time.RFC3339Nano)
	all, err := catalog.All()
	require.NoError(t, err)
	asked := 0
	for _, q := range all {
		if !slices.ContainsFunc(q.Params, func(p catalog.Param) bool { return p.Name == "issue" }) {
			continue
		}
		answer := func(project string, issue uint64, more map[string]string) []map[string]any {
			given := map[string]string{}
			for _, p := range q.Params {
				if v, ok := map[string]string{"project": project, "projects": project, "from": from, "to": to, "before": map[bool]string{true: from, false: to}[more["direction"] == "newer"], "issue": issueHex(issue), "kind": "first_seen"}[p.Name]; ok {
					given[p.Name] = v
				}
			}
			maps.Copy(given, more)
			r, err := owner.Run(t.Context(), q.Name, given)
			require.NoError(t, err, q.Name)
			return rows(r)
		}
		for _, more := range append([]map[string]string{nil}, branches[q.Name]...) {
			if more["issue"] != "" || more["projects"] != "" || more["by"] == "issue" || more["text"] != "" || more["kind"] == "regressions" {
				continue
			}
			what := fmt.Sprint(q.Name, more)
			want := answer(text(project), kept, more)
			require.NotEmpty(t, want, what)
			require.Equal(t, want, answer(text(project), gone, more), what)
			if more["kind"] != "actions" && q.Name != "issue_history" && q.Name != "issue_grouping" {
				require.NotEqual(t, want, answer(text(other), gone, more), what)
			}
			asked++
		}
		if slices.ContainsFunc(q.Params, func(p catalog.Param) bool { return p.Name == "projects" }) && q.Name != "marks" {
			for _, bucket := range []string{"60", "3600"} { // Of all events of one, and two of the other.
				var more map[string]string
				if q.Name == "error_trend_split" {
					more = map[string]string{"bucket_seconds": bucket}
				}
				n := 0
				for _, row := range answer(text(project)+","+text(other), gone, more) {
					if events, ok := row["events"].(uint64); ok {
						n += int(events) //nolint:gosec // Small.
					} else {
						n++
					}
				}
				require.Equal(t, 6, n, "%s of both projects %s", q.Name, bucket)
			}
		}
	}
	require.Greater(t, asked, 15)
}

// An issue is one of a project: where two have the same fingerprint, each says what
// it takes.
func TestCostOfEachProject(t *testing.T) {
	project, other, owner := newProject(), newProject(), store(t, "errata")
	now := time.Now().UTC()
	f := uint64(project)<<20 | 0xc057
	for range 3 {
		seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString(), ts: now.Add(-time.Hour), title: "A: here"})
	}
	seed(t, owner, event{project: other, fingerprint: f, id: uuid.NewString(), ts: now.Add(-time.Hour), title: "B: there"})
	for _, from := range []string{"-2h", "-9h"} { // Of events, and of the rollup.
		got := map[string]uint64{}
		r, err := owner.Run(t.Context(), "cost", map[string]string{"by": "issue", "from": from, "limit": "1000"})
		require.NoError(t, err)
		for _, row := range rows(r) {
			if row["value"] == issueHex(f) {
				got[text(row["project_id"])+" "+row["title"].(string)] = row["events"].(uint64)
			}
		}
		require.Equal(t, map[string]uint64{text(project) + " A: here": 3, text(other) + " B: there": 1}, got, from)
	}
}
