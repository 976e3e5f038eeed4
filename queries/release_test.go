package queries_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
)

// inRelease is what a release says of issues.
type inRelease struct{ issues, fresh, unseen, returned uint64 }

// releases are these by going through all events; the order and what each is
// compared with are given, oldest first.
func (h heap) releases(project uint32, environment string, order []string, base []int) map[string]inRelease {
	type issue struct {
		first map[string]time.Time // By release.
	}
	issues := map[uint64]issue{}
	for _, e := range h.events {
		if e.project != project || e.release == "" || environment != "" && e.environment != environment {
			continue
		}
		i, ok := issues[h.issue(e.fingerprint)]
		if !ok {
			i = issue{map[string]time.Time{}}
			issues[h.issue(e.fingerprint)] = i
		}
		if at, ok := i.first[e.release]; !ok || e.ts.Before(at) {
			i.first[e.release] = e.ts
		}
	}
	out := map[string]inRelease{}
	for _, i := range issues {
		var born time.Time
		for _, at := range i.first {
			if born.IsZero() || at.Before(born) {
				born = at
			}
		}
		last := -1
		for n, release := range order {
			at, in := i.first[release]
			if !in {
				continue
			}
			of := out[release]
			of.issues++
			if at.Equal(born) {
				of.fresh++
			}
			switch {
			case last < 0:
				of.unseen++
			case last < base[n]:
				of.returned++
			}
			out[release], last = of, n
		}
	}
	return out
}

// Issues of releases are what going through all events gives: of parts that are
// known, after inserts and merges of parts, after issues were merged and split,
// by environment and by project.
func TestIssuesOfReleases(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "released")
	now := time.Now().UTC().Truncate(time.Millisecond)
	projects := []uint32{1, 2}
	h := heap{into: map[uint64]uint64{}}
	check := func(what string) {
		t.Helper()
		for _, p := range projects {
			for _, environment := range []string{"", "staging"} {
				r, err := owner.Run(t.Context(), "release_compare", map[string]string{"project": text(p), "environment": environment, "min_events": "0"})
				require.NoError(t, err)
				compared := rows(r)
				slices.Reverse(compared)
				var order []string
				for _, row := range compared {
					order = append(order, row["release"].(string))
				}
				base := make([]int, len(order))
				for n, row := range compared {
					base[n] = slices.Index(order, row["before"].(string))
				}
				want := h.releases(p, environment, order, base)
				require.Len(t, compared, len(want), what)
				for n, row := range compared {
					require.Equal(t, n-1, base[n], what)
					of := want[row["release"].(string)]
					require.Equal(t, []any{of.unseen, of.returned}, []any{row["new_issues"], row["returned_issues"]}, "%s, %v of %s against the one before", what, row["release"], environment)
				}
				if environment != "" {
					continue
				}
				r, err = owner.Run(t.Context(), "releases", map[string]string{"project": text(p)})
				require.NoError(t, err)
				require.Len(t, r.Rows, len(want), what)
				for _, row := range rows(r) {
					of := want[row["release"].(string)]
					require.Equal(t, []any{of.issues, of.fresh}, []any{row["issues"], row["new_issues"]}, "%s, %v", what, row["release"])
				}
				// The view says the same to who writes their own SQL.
				view, err := owner.SQL(t.Context(), "SELECT * EXCEPT project_id FROM releases WHERE project_id = "+text(p)+" ORDER BY first_seen DESC, release")
				require.NoError(t, err)
				require.Equal(t, view.Rows, r.Rows, what)
			}
		}
	}
	check("nothing")
	add := func(n int, seed64 uint64) {
		more := randomHeap(now, projects, n, seed64).events
		for i := range more { // Many releases, so that few issues are in all of them.
			more[i].release = []string{"", "shop@1", "shop@2", "shop@3", "zebra"}[(i*7+int(more[i].fingerprint))%5] //nolint:gosec // Small.
			more[i].fingerprint += uint64(i%30) * 0x100
		}
		h.events = append(h.events, more...)
		seed(t, owner, more...)
	}
	add(120, 3)
	require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO sessions (project_id, started, ts, release, environment, init, session_id, user_hash, status) SELECT 1, now64(3) - number AS s, s, 'shop@2', 'production', true, generateUUIDv4(), number % 5 + 1, ['exited', 'crashed'][number % 7 = 0 ? 2 : 1] FROM numbers(200)"))
	check("a few")
	check("the same again")
	add(300, 4)
	check("more")
	in := map[uint64]map[uint32]bool{}
	for _, e := range h.events {
		if in[e.fingerprint] == nil {
			in[e.fingerprint] = map[uint32]bool{}
		}
		in[e.fingerprint][e.project] = true
	}
	maps.DeleteFunc(in, func(_ uint64, of map[uint32]bool) bool { return len(of) < len(projects) })
	both := slices.Sorted(maps.Keys(in))
	require.Greater(t, len(both), 3)
	merge := queries.Change{Kind: queries.Merge, Project: 1, Actor: "ann", Issues: []string{issueHex(both[0]), issueHex(both[2])}, Into: issueHex(both[3])}
	_, err := owner.Triage(t.Context(), merge)
	require.NoError(t, err)
	merge.Project = 2
	_, err = owner.Triage(t.Context(), merge)
	require.NoError(t, err)
	h.into = map[uint64]uint64{both[0]: both[3], both[2]: both[3]}
	check("merged")
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE issue_release FINAL"))
	check("parts merged")
	add(50, 5)
	check("and more")
	for _, p := range projects {
		_, err = owner.Triage(t.Context(), queries.Change{Kind: queries.Split, Project: p, Actor: "ann", Issues: []string{issueHex(both[2])}})
		require.NoError(t, err)
	}
	delete(h.into, both[2])
	check("split")
}
