package queries_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// belongs is where the merge log says that fingerprints belong.
func belongs(t *testing.T, s *queries.Store, project uint32) string {
	t.Helper()
	r, err := s.SQL(t.Context(), fmt.Sprintf("SELECT arraySort(groupArray((fingerprint, survivor))) FROM issue_merges WHERE survivor != fingerprint AND project_id = %d", project))
	require.NoError(t, err)
	return text(r.Rows[0][0])
}

// What belongs to an issue moves on with it, whatever was taken back in between:
// nothing is left in an issue that belongs to another one, or to it.
func TestTakingBackWhatWasMergedOn(t *testing.T) {
	owner := store(t, "errata")
	for _, c := range []struct{ name, do, want string }{
		{"a split, after its issue was merged on", "m 2 1, s 2, m 1 3, u 1", "[[1 3] [2 3]]"},
		{"a split, after its issue was merged into it", "m 2 1, s 2, m 1 2, u 1", "[[2 1]]"},
		{"both, the newer one first", "m 2 1, s 2, m 1 3, u 2, u 1", "[[2 1]]"},
		{"a merge of what was merged on", "m 2 1, m 1 3, u 0", "[[1 3] [2 3]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			project := newProject()
			for f := uint64(1); f <= 3; f++ {
				seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString()})
			}
			var all []queries.Done
			for do := range strings.SplitSeq(c.do, ", ") {
				var kind string
				var a, b uint64
				_, _ = fmt.Sscan(do, &kind, &a, &b)
				var done queries.Done
				var err error
				switch kind {
				case "m":
					done, err = owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(a)}, Into: issueHex(b)})
				case "s":
					done, err = owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Split, Issues: []string{issueHex(a)}})
				case "u":
					id := all[a].Bulk
					if id == uuid.Nil {
						id = all[a].Actions[0]
					}
					done, err = owner.Undo(t.Context(), project, "ann", id, "")
				}
				require.NoError(t, err, do)
				all = append(all, done)
			}
			require.Equal(t, c.want, belongs(t, owner, project))
		})
	}
}

// Several people who merge at once, into each other's issues too: whoever comes last,
// each fingerprint belongs to an issue that stands for itself, and no event is
// counted twice or missing.
func TestMergedByManyAtOnce(t *testing.T) {
	owner := store(t, "errata")
	for round := range 8 {
		project := newProject()
		for f := uint64(1); f <= 4; f++ {
			seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString(), ts: time.Now().Add(-time.Hour)})
		}
		var g sync.WaitGroup
		errs := make(chan error, 8)
		for _, m := range [][2]uint64{{1, 2}, {2, 1}, {3, 1}, {2, 3}, {4, 2}} {
			g.Go(func() {
				_, err := owner.Triage(t.Context(), queries.Change{Project: project, Actor: fmt.Sprint("person ", m[0]), Kind: queries.Merge, Issues: []string{issueHex(m[0])}, Into: issueHex(m[1])})
				errs <- err
			})
		}
		g.Wait()
		close(errs)
		done := 0
		for err := range errs {
			if err != nil {
				require.ErrorIs(t, err, queries.ErrTriage) // It belonged there already.
			} else {
				done++
			}
		}
		require.Positive(t, done)
		r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT countIf(survivor IN (SELECT fingerprint FROM issue_merges WHERE project_id = %[1]d AND survivor != fingerprint)) FROM issue_merges WHERE project_id = %[1]d AND survivor != fingerprint", project))
		require.NoError(t, err)
		require.EqualValues(t, 0, r.Rows[0][0], "round %d: %s", round, belongs(t, owner, project))
		events := uint64(0)
		list, err := owner.Run(t.Context(), "issue_list", map[string]string{"project": text(project), "from": "-2h"})
		require.NoError(t, err)
		for _, row := range rows(list) {
			events += row["events"].(uint64)
		}
		require.EqualValues(t, 4, events)
	}
}
