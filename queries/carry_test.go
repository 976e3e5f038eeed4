package queries_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// "Ignore until N more" is N more since it was ignored, over all that belongs
// to the issue: a merge or a split changes what counts, not how many are left.
func TestIgnoreGoesOnOverMembers(t *testing.T) {
	s := store(t, "errata")
	// Issue 1 has 2 events of users 1 and 2, issue 2 has 10 of users 11 to 20.
	for _, c := range []struct {
		name  string
		steps string // i5: ignore 1 until 5 more events; u2: until 2 more users; m: merge 2 into 1; s: split it; z: undo merge or split; x: undo the ignore; 1 and 2: an event of a new user.
		want  string // State of issue 1 after each step: i ignored, o open.
	}{
		{"what was there before the merge ends nothing", "i5 m 1 2 1 2 1", "i i i i i i o"},
		{"what came before the merge and after the ignore counts", "i3 2 2 m 2", "i i i i o"},
		{"enough came to the other one already", "i3 2 2 2 m", "i i i i o"},
		{"a split takes away what it had", "m i3 s 1 1 1", "o i i i i o"},
		{"a split takes away what counted", "m i3 2 2 s 1 1 1", "o i i i i i i o"},
		{"users that were there before the merge end nothing", "u2 m 1 2", "i i i o"},
		{"users of a split", "m u2 s 1 1", "o i i i o"},
		{"an undone merge", "i3 m 1 z 2 1 1", "i i i i i i o"},
		{"an undone split", "m i3 s 2 z 1 1", "o i i i i i o"},
		{"an undone ignore that was carried on", "i5 m x", "i i o"},
		{"merged while it was ignored, split and merged again", "i3 m 1 s m 2 1", "i i i i i i o"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			project := newProject()
			old := time.Now().Add(-30 * 24 * time.Hour)
			var block []event
			for n := range uint64(12) {
				block = append(block, event{project: project, fingerprint: 1 + min(n/2, 1), ts: old, id: uuid.NewString(), user: []uint64{1, 2, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}[n]})
			}
			seed(t, s, block...)
			one, two := issueHex(1), issueHex(2)
			var ignored, moved queries.Done
			user := uint64(100)
			steps, want := strings.Fields(c.steps), strings.Fields(c.want)
			for n, step := range steps {
				time.Sleep(3 * time.Millisecond) // Actions and events are ordered by milliseconds.
				change := queries.Change{Project: project, Actor: "ann", Issues: []string{one}, Kind: queries.Ignore}
				var err error
				switch step[0] {
				case 'i':
					change.UntilEvents = uint64(step[1] - '0')
					ignored, err = s.Triage(t.Context(), change)
				case 'u':
					change.UntilUsers = uint64(step[1] - '0')
					ignored, err = s.Triage(t.Context(), change)
				case 'm':
					change.Kind, change.Issues, change.Into = queries.Merge, []string{two}, one
					moved, err = s.Triage(t.Context(), change)
				case 's':
					change.Kind, change.Issues = queries.Split, []string{two}
					moved, err = s.Triage(t.Context(), change)
				case 'z':
					_, err = s.Undo(t.Context(), project, "ann", moved.Actions[0], "")
				case 'x':
					_, err = s.Undo(t.Context(), project, "ann", ignored.Actions[0], "")
				default:
					user++
					now := time.Now()
					seed(t, s, event{project: project, fingerprint: uint64(step[0] - '0'), ts: now, received: now, id: uuid.NewString(), user: user})
				}
				require.NoError(t, err, step)
				state := map[string]string{"ignored": "i", "ongoing": "o"}
				list, err := s.Run(t.Context(), "issue_list", map[string]string{"project": text(project), "from": "-60d", "sort": "first_seen", "status": map[string]string{"i": "ignored", "o": "ongoing"}[want[n]]})
				require.NoError(t, err)
				require.Contains(t, list.Column("issue"), any(one), "list after step %d of %s", n, c.steps)
				detail, err := s.Run(t.Context(), "issue_detail", map[string]string{"project": text(project), "issue": one})
				require.NoError(t, err)
				require.Equal(t, want[n], state[text(detail.Column("status")[0])], "detail after step %d of %s", n, c.steps)
				view, err := s.SQL(t.Context(), fmt.Sprintf("SELECT status FROM issues WHERE project_id = %d AND issue = '%s'", project, one))
				require.NoError(t, err)
				require.Equal(t, want[n], state[text(view.Rows[0][0])], "view after step %d of %s", n, c.steps)
			}
		})
	}
}
