package queries_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
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
