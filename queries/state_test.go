package queries_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the list and the detail say of a state is put together from pieces; the
// view issue_state says it in one text. Both must say the same of every kind of
// action, whatever else the page holds.
func TestStateAsTheViewSays(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	now := time.Now().UTC()
	const columns = "at, actor, action, resolution, in_release, until, until_events, until_users, base_events, base_users, assignee"
	acts := []string{ // 20 days ago.
		"'ann', 'resolve', 'now', '', 0, 0, 0, 0, 0, ''",
		"'ann', 'resolve', 'in_release', 'shop@1.10.0', 0, 0, 0, 0, 0, ''",
		"'ann', 'resolve', 'in_release', 'shop@1.9.0', 0, 0, 0, 0, 0, ''",
		"'ann', 'resolve', 'in_release', 'unknown', 0, 0, 0, 0, 0, ''",
		"'ann', 'resolve', 'in_release', 'zzzz', 0, 0, 0, 0, 0, ''",
		"'ann', 'resolve', 'in_next_release', 'shop@1.9.0', 0, 0, 0, 0, 0, ''",
		"'ann', 'resolve', 'in_next_release', 'zzzz', 0, 0, 0, 0, 0, ''",
		"'ann', 'ignore', '', '', 0, 0, 0, 0, 0, ''",
		"'ann', 'ignore', '', '', now() - INTERVAL 1 DAY, 0, 0, 0, 0, ''",
		"'ann', 'ignore', '', '', now() + INTERVAL 1 DAY, 0, 0, 0, 0, ''",
		"'ann', 'ignore', '', '', 0, 3, 0, 2, 0, ''",
		"'ann', 'ignore', '', '', 0, 0, 2, 0, 1, ''",
		"'ann', 'unresolve', '', '', 0, 0, 0, 0, 0, ''",
		"'ann', 'assign', '', '', 0, 0, 0, 0, 0, 'ben'",
		"'ann', 'comment', '', '', 0, 0, 0, 0, 0, ''",
	}
	releases := []string{"", "shop@1.9.0", "shop@1.10.0", "shop@2.0.0-rc.1", "aaaa", "zzzz", "mmmm"}
	var block []event
	var rows []string
	f := uint64(1000)
	for i, act := range append(acts, "") {
		for r, release := range releases {
			for _, after := range []time.Duration{-30 * 24 * time.Hour, -24 * time.Hour} { // Before and after what was done.
				f++
				for n := range 1 + f%5 {
					block = append(block, event{project: project, fingerprint: f, ts: now.Add(after + time.Duration(r)*time.Minute), release: release, user: f*10 + n})
				}
				// One of five was done twice, the first time something else; of one of seven the last action is undone.
				todo := []string{act}
				if f%5 == 0 {
					todo = []string{acts[(i+3)%len(acts)], act}
				}
				for k, a := range todo {
					if a == "" {
						continue
					}
					rows = append(rows, fmt.Sprintf("(%d, %d, now64(3) - INTERVAL %d HOUR, %s)", project, f, 480-k, a))
				}
			}
		}
	}
	seed(t, owner, block...)
	require.NoError(t, owner.Exec(t.Context(), "INSERT INTO issue_actions (project_id, fingerprint, "+columns+") VALUES "+strings.Join(rows, ", "), nil))
	require.NoError(t, owner.Exec(t.Context(), fmt.Sprintf("INSERT INTO issue_actions (project_id, fingerprint, actor, action, target_action) SELECT project_id, fingerprint, 'ann', 'undo', argMax(action_id, at) FROM issue_actions WHERE project_id = %d AND fingerprint %% 7 = 0 GROUP BY project_id, fingerprint", project), nil))
	// One of four is merged into the one before it.
	require.NoError(t, owner.Exec(t.Context(), fmt.Sprintf("INSERT INTO issue_actions (project_id, fingerprint, actor, action, into) SELECT DISTINCT project_id, fingerprint, 'ann', 'merge', fingerprint - 1 FROM issue_rollup WHERE project_id = %d AND fingerprint %% 4 = 1", project), nil))
	require.NoError(t, owner.Exec(t.Context(), "SYSTEM RELOAD DICTIONARY issue_of", nil))

	r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT issue, status, assignee FROM issues WHERE project_id = %d", project))
	require.NoError(t, err)
	want, byStatus := map[string]string{}, map[string]int{}
	for _, row := range r.Rows {
		want[row[0].(string)] = fmt.Sprint(row[1], "/", row[2])
		byStatus[row[1].(string)]++
	}
	for _, s := range []string{"new", "ongoing", "regressed", "resolved", "ignored"} {
		require.NotZero(t, byStatus[s], "the data must have state %s", s)
	}
	read := func(values map[string]string) map[string]string {
		values["project"], values["from"] = text(project), "-60d"
		if values["limit"] == "" {
			values["limit"] = "1000"
		}
		r, err := owner.Run(t.Context(), "issue_list", values)
		require.NoError(t, err)
		got := map[string]string{}
		for i, issue := range r.Column("issue") {
			got[issue.(string)] = fmt.Sprint(r.Column("status")[i], "/", r.Column("assignee")[i])
		}
		return got
	}
	require.Equal(t, want, read(map[string]string{}))
	for s, n := range byStatus {
		got := read(map[string]string{"status": s})
		require.Len(t, got, n, s)
		for issue, state := range got {
			require.Equal(t, want[issue], state, issue)
		}
	}
	// Small pages hold few kinds each: the text leaves out what none needs.
	paged := map[string]string{}
	for offset := 0; offset < len(want); offset += 16 {
		maps.Copy(paged, read(map[string]string{"limit": "16", "offset": fmt.Sprint(offset), "sort": "first_seen"}))
	}
	require.Equal(t, want, paged)
	n := 0
	for issue, state := range want {
		if n++; n > 12 { // In no order: other ones each time.
			break
		}
		d, err := owner.Run(t.Context(), "issue_detail", map[string]string{"project": text(project), "issue": issue})
		require.NoError(t, err)
		require.Equal(t, state, fmt.Sprint(d.Column("status")[0], "/", d.Column("assignee")[0]), issue)
	}
}
