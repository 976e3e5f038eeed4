package regroup

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/regroup/lock"
	"errata/schema/grouping"
)

func TestOneRunAtATime(t *testing.T) {
	t.Parallel()
	s := store(t)
	p, other := project(t, s), project(t, s)
	seed(t, s, p, grouping.Rules{}, one{fn: "charge", region: "eu", n: 60}, one{fn: "charge", region: "us", n: 25}, one{fn: "refund", n: 9})
	seed(t, s, other, grouping.Rules{}, one{fn: "charge", n: 5})
	_, totals := look(t, s, p)
	plan := func(project uint32) *Report {
		r, err := Plan(t.Context(), s, Options{Project: project, Rules: grouping.SplitRules("type:ValueError -> {{ function }} {{ tags.region }}\n")})
		require.NoError(t, err)
		return r
	}
	r := plan(p)
	locked, release, err := lock.Take(t.Context(), s, p)
	require.NoError(t, err)
	require.ErrorIs(t, Apply(t.Context(), s, r, "bob"), lock.ErrBusy)
	_, err = Undo(t.Context(), s, p, "", "bob")
	require.ErrorIs(t, err, lock.ErrBusy)
	require.NoError(t, Apply(t.Context(), s, plan(other), "bob"), "another project is free")
	require.NoError(t, locked.Err())
	release()
	require.Error(t, locked.Err())

	// Several at once: one is applied, whatever the order; the others say why not.
	errs, plans := make([]error, 4), make([]*Report, 4)
	for i := range plans {
		plans[i] = plan(p)
	}
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = Apply(t.Context(), s, plans[i], "ann") })
	}
	wg.Wait()
	applied := 0
	for _, err := range errs {
		if err == nil {
			applied++
			continue
		}
		require.True(t, errors.Is(err, lock.ErrBusy) || errors.Is(err, ErrStale), "%v", err)
	}
	require.Equal(t, 1, applied)
	_, after := look(t, s, p)
	require.Equal(t, totals, after)
	var runs uint64
	require.NoError(t, s.Conn().QueryRow(t.Context(), "SELECT count() FROM issue_actions WHERE project_id = ? AND action = 'regroup'", p).Scan(&runs))
	require.Equal(t, uint64(1), runs)
}

// TestLockEndsWithItsHolder: a process that dies leaves no lock behind, and one
// whose lock is gone stops.
func TestLockEndsWithItsHolder(t *testing.T) {
	t.Parallel()
	s := store(t)
	p := project(t, s)
	holder := store(t)
	locked, _, err := lock.Take(t.Context(), holder, p)
	require.NoError(t, err)
	require.NoError(t, s.Conn().Exec(t.Context(), "KILL QUERY WHERE query_id LIKE ? SYNC", lock.Name("%", p)))
	select {
	case <-locked.Done():
	case <-time.After(time.Minute):
		t.Fatal("a lost lock is not noticed")
	}
	_, release, err := lock.Take(t.Context(), s, p)
	require.NoError(t, err)
	release()
}

// TestPlanIsOutOfDate: what happened after a plan was read makes it unusable.
func TestPlanIsOutOfDate(t *testing.T) {
	t.Parallel()
	s := store(t)
	rules := grouping.SplitRules("type:ValueError -> all\n")
	seeded := func() uint32 {
		p := project(t, s)
		seed(t, s, p, grouping.Rules{}, one{fn: "charge", n: 5}, one{fn: "refund", n: 4})
		return p
	}
	plan := func(p uint32, state string) *Report {
		r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules, State: state})
		require.NoError(t, err)
		return r
	}
	t.Run("merged by hand", func(t *testing.T) {
		p := seeded()
		r := plan(p, "")
		_, err := s.Triage(t.Context(), queries.Change{Project: p, Kind: queries.Merge, Into: r.Merges[0].Into, Issues: r.Merges[0].From, Actor: "bob"})
		require.NoError(t, err)
		require.ErrorIs(t, Apply(t.Context(), s, r, "ann"), ErrStale)
	})
	t.Run("state of before another run", func(t *testing.T) {
		p := seeded()
		state := filepath.Join(t.TempDir(), "state.json")
		old := plan(p, state)
		require.NoError(t, Apply(t.Context(), s, plan(p, ""), "ann"))
		require.ErrorIs(t, Apply(t.Context(), s, old, "ann"), ErrStale)
		require.Empty(t, plan(p, state).Merges, "read anew")
	})
}
