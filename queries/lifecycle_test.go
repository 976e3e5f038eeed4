package queries_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

var histories = flag.Int("histories", 0, "Random histories for TestLifecycleHistories, beside the fixed ones.")

// Random histories of events and actions on a few issues: what the views show
// after each step is what the rules say, and what state_as_of says of that
// moment afterwards. Histories go on side by side, so that one question shows
// all of them.
func TestLifecycleHistories(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if *histories > 0 {
		seeds = nil
	}
	for range *histories {
		seeds = append(seeds, rand.Uint64()>>40)
	}
	owner := store(t, "errata")
	var all []*history
	var block []event
	for _, number := range seeds {
		h := &history{seed: number, random: rand.New(rand.NewPCG(number, 7)), project: newProject()}
		for f := uint64(1); f <= 4; f++ {
			block = append(block, h.event(f, time.Duration([]int{2, 3, 10, 12}[f-1])*24*time.Hour))
		}
		all = append(all, h)
	}
	const steps = 12
	type moment struct {
		at   time.Time
		want map[uint32]map[string]string
	}
	var moments [steps]moment
	for step := range moments {
		var projects []string
		for _, h := range all {
			block = append(block, h.step(t, owner)...)
			projects = append(projects, text(h.project))
		}
		seed(t, owner, block...)
		block = nil
		time.Sleep(30 * time.Millisecond) // Some are ignored until a moment that is past then.
		m := moment{time.Now().UTC().Truncate(time.Millisecond), map[uint32]map[string]string{}}
		r, err := owner.SQL(t.Context(), "SELECT project_id, issue, concat(status, ' ', assignee) AS state FROM issues WHERE project_id IN ("+strings.Join(projects, ",")+")")
		require.NoError(t, err)
		got := map[uint32]map[string]string{}
		for _, row := range r.Rows {
			if got[row[0].(uint32)] == nil {
				got[row[0].(uint32)] = map[string]string{}
			}
			got[row[0].(uint32)][text(row[1])] = text(row[2])
		}
		for _, h := range all {
			m.want[h.project] = h.states(m.at)
			require.Equal(t, m.want[h.project], got[h.project], "history %d, step %d\n%s", h.seed, step, strings.Join(h.did, "\n"))
		}
		moments[step] = m
		time.Sleep(3 * time.Millisecond)
	}
	for _, h := range all {
		for range 3 {
			step := h.random.IntN(steps)
			m := moments[step]
			r, err := owner.Run(t.Context(), "state_as_of", map[string]string{"project": text(h.project), "at": m.at.Format(time.RFC3339Nano)})
			require.NoError(t, err)
			got := map[string]string{}
			for _, row := range r.Pick("issue", "status", "assignee").Rows {
				got[text(row[0])] = text(row[1]) + " " + text(row[2])
			}
			require.Equal(t, m.want[h.project], got, "history %d as of step %d\n%s", h.seed, step, strings.Join(h.did, "\n"))
		}
	}
}

var historyReleases = []string{"shop@1.9.0", "shop@1.10.0", "shop@1.10.0-rc.1", "shop@1.10.0-rc.11", "shop@1.10.0-rc.2", "shop@2.0.0+5", "shop@2.0.0+build.7", "mail@1.0.0", "mail@3.1.0",
	"2026.11.28", "2026.2.1", "a1b2c3d", "zeta", "alpha", ""}

// history is one project with four issues that random things happen to.
type history struct {
	lifecycle
	seed    uint64
	random  *rand.Rand
	project uint32
	did     []string
}

// event makes one of an issue, and remembers it.
func (h *history) event(f uint64, late time.Duration) event {
	now, random := time.Now().UTC().Truncate(time.Millisecond), h.random
	e := event{project: h.project, fingerprint: f, id: uuid.NewString(), ts: now.Add(-late), received: now, release: historyReleases[random.IntN(len(historyReleases))],
		weight: []int{1, 1, 1, -1, 1 + random.IntN(4)}[random.IntN(5)], user: uint64(random.IntN(6))}
	if e.weight > 1 {
		e.users = []uint64{uint64(1 + random.IntN(9)), uint64(1 + random.IntN(9))}
	}
	// First seen is by the events' own time: a late event of a release that
	// nobody knew rewrites its order, which is no question here.
	if born, known := h.born(e.release); late > 0 && late < 48*time.Hour && e.release != "" && (!known || e.ts.Before(born)) {
		e.release = ""
	}
	h.events = append(h.events, e)
	h.did = append(h.did, fmt.Sprintf("event %d %q weight %d user %d %v late %v", f, e.release, e.weight, e.user, e.users, late))
	return e
}

// step does one random thing, or returns an event that shall happen.
func (h *history) step(t *testing.T, owner *queries.Store) []event {
	t.Helper()
	random := h.random
	var open []string
	for issue := range h.states(time.Now()) {
		open = append(open, issue)
	}
	slices.Sort(open)
	switch what := random.IntN(20); {
	case what < 8:
		late := time.Duration(0)
		if random.IntN(3) == 0 {
			late = time.Duration(1+random.IntN(30*3600)) * time.Second
		}
		return []event{h.event(uint64(1+random.IntN(4)), late)}
	case what < 18 || len(h.actions) == 0:
		c := h.change(open)
		done, err := owner.Triage(t.Context(), c)
		h.did = append(h.did, fmt.Sprintf("%s %s %s %s events %d users %d until %v into %s: %v", c.Kind, c.Issues, c.Resolution, c.Release, c.UntilEvents, c.UntilUsers, c.Until, c.Into, err))
		if err != nil {
			require.ErrorIs(t, err, queries.ErrTriage)
			return nil
		}
		h.act(t, owner, h.project, c, done.Actions, uuid.Nil)
		h.follow(t, owner, done)
	default:
		a := h.actions[random.IntN(len(h.actions))]
		done, err := owner.Undo(t.Context(), h.project, "ann", a.id, "")
		if !errors.Is(err, queries.ErrTriage) {
			require.NoError(t, err)
			h.actions = slices.DeleteFunc(h.actions, func(b did) bool { return a.id == b.id || a.id == b.follows })
			h.did = append(h.did, fmt.Sprintf("undo %s of %x", a.change.Kind, a.fingerprint))
			h.follow(t, owner, done)
		}
	}
	return nil
}

// follow remembers the moves that an action made necessary: no fingerprint belongs
// to an issue that belongs to another one.
func (h *history) follow(t *testing.T, owner *queries.Store, done queries.Done) {
	t.Helper()
	if len(done.Followed) > 0 {
		h.did = append(h.did, fmt.Sprintf("followed by %d moves", len(done.Followed)))
		h.act(t, owner, h.project, queries.Change{Kind: queries.Merge}, done.Followed, done.Actions[0])
	}
	for f := uint64(1); f <= 4; f++ {
		require.Equal(t, h.survivor(f), h.survivor(h.survivor(f)), "history %d\n%s", h.seed, strings.Join(h.did, "\n"))
	}
}

// change is a random one on one of these issues.
func (h *history) change(open []string) queries.Change {
	random := h.random
	c := queries.Change{Project: h.project, Actor: "ann", Issues: []string{open[random.IntN(len(open))]}}
	switch random.IntN(12) {
	case 0:
		c.Kind = queries.Resolve
	case 1, 2:
		c.Kind, c.Resolution, c.Release = queries.Resolve, queries.ResolvedInRelease, historyReleases[random.IntN(len(historyReleases)-1)]
	case 3, 4:
		c.Kind, c.Resolution = queries.Resolve, queries.ResolvedInNextRelease
	case 5:
		c.Kind, c.UntilEvents = queries.Ignore, uint64(1+random.IntN(4))
	case 6:
		c.Kind, c.UntilUsers = queries.Ignore, uint64(1+random.IntN(3))
	case 7:
		c.Kind, c.Until = queries.Ignore, time.Now().Add([]time.Duration{time.Hour, 20 * time.Millisecond}[random.IntN(2)]).UTC().Truncate(time.Millisecond)
	case 8:
		c.Kind = []string{queries.Unresolve, queries.Ignore}[random.IntN(2)]
	case 9:
		c.Kind, c.Assignee = queries.Assign, []string{"bob", "", "Zoë"}[random.IntN(3)]
	case 10:
		c.Kind, c.Into = queries.Merge, open[random.IntN(len(open))]
	case 11:
		c.Kind, c.Issues = queries.Split, []string{issueHex(uint64(1 + random.IntN(4)))}
	}
	return c
}

// lifecycle is the rules of triage in plain Go: what the views are compared
// with. What was undone is not in it.
type lifecycle struct {
	events  []event
	actions []did
}

// did is an action of the log.
type did struct {
	fingerprint uint64
	at          time.Time
	id          uuid.UUID
	into        uint64
	release     string // Of resolve: of in_next_release the newest one then.
	events      uint64 // Of the issue then.
	users       uint64
	change      queries.Change
	follows     uuid.UUID // The action that made it necessary; zero for none.
}

// act takes over from the log what only the store knows: when it was, which
// release was the newest, which fingerprints move.
func (l *lifecycle) act(t *testing.T, s *queries.Store, project uint32, c queries.Change, ids []uuid.UUID, follows uuid.UUID) {
	t.Helper()
	r, err := s.SQL(t.Context(), fmt.Sprintf("SELECT action_id, fingerprint, at, into, in_release FROM issue_actions WHERE project_id = %d ORDER BY at, action_id", project))
	require.NoError(t, err)
	for _, row := range r.Rows {
		if id := row[0].(uuid.UUID); slices.Contains(ids, id) {
			a := did{id: id, fingerprint: row[1].(uint64), at: row[2].(time.Time), into: row[3].(uint64), release: row[4].(string), change: c, follows: follows}
			a.events, a.users = l.total(a.fingerprint)
			l.actions = append(l.actions, a)
		}
	}
}

func (l *lifecycle) survivor(f uint64) uint64 {
	out := f
	for _, a := range l.actions {
		if (a.change.Kind == queries.Merge || a.change.Kind == queries.Split) && a.fingerprint == f {
			out = a.into
		}
	}
	return out
}

// born is when a release was first seen in the project.
func (l *lifecycle) born(release string) (time.Time, bool) {
	var out time.Time
	for _, e := range l.events {
		if e.release == release && (out.IsZero() || e.ts.Before(out)) {
			out = e.ts
		}
	}
	return out, !out.IsZero()
}

// uncovered tells whether release r is not covered by a resolution.
func (l *lifecycle) uncovered(r string, a did) bool {
	if r == "" {
		return false
	}
	next := a.change.Resolution == queries.ResolvedInNextRelease
	if x, y := version(r), version(a.release); x != nil && y != nil && packageOf(r) == packageOf(a.release) {
		return x.Compare(y) > 0 || !next && x.Compare(y) == 0
	}
	born, _ := l.born(r)
	fixed, known := l.born(a.release)
	if next {
		return r != a.release && born.After(fixed)
	}
	return r == a.release || known && !born.Before(fixed)
}

func packageOf(release string) string {
	if i := strings.LastIndexByte(release, '@'); i >= 0 {
		return release[:i]
	}
	return ""
}

func version(release string) *semver.Version {
	v, err := semver.StrictNewVersion(release[strings.LastIndexByte(release, '@')+1:])
	if err != nil {
		return nil
	}
	return v
}

// states are the issues at a moment, each with status and assignee.
func (l *lifecycle) states(now time.Time) map[string]string {
	out := map[string]string{}
	for f := uint64(1); f <= 4; f++ {
		survivor := l.survivor(f)
		out[issueHex(survivor)] = l.state(survivor, now)
	}
	return out
}

// total counts events and users of an issue.
func (l *lifecycle) total(f uint64) (n, users uint64) {
	return l.totalOf(f, time.Now().AddDate(1, 0, 0))
}

// totalOf counts what was received until a moment.
func (l *lifecycle) totalOf(f uint64, until time.Time) (n, users uint64) {
	seen := map[uint64]bool{}
	for _, e := range l.events {
		if l.survivor(e.fingerprint) != f || e.received.After(until) {
			continue
		}
		n += uint64(max(e.weight, 0))
		for _, u := range append(slices.Clone(e.users), e.user) {
			if u != 0 {
				seen[u] = true
			}
		}
	}
	return n, uint64(len(seen))
}

func (l *lifecycle) state(f uint64, now time.Time) string {
	var last did
	assignee := ""
	for _, a := range l.actions {
		if a.fingerprint != f {
			continue
		}
		switch a.change.Kind {
		case queries.Resolve, queries.Unresolve, queries.Ignore:
			last = a
		case queries.Assign:
			assignee = a.change.Assignee
		}
	}
	c, status, young := last.change, "ongoing", true
	n, users := l.total(f)
	// Of all that belongs to it now, what came before it was ignored.
	then, usersThen := l.totalOf(f, last.at)
	again := false
	for _, e := range l.events {
		if l.survivor(e.fingerprint) != f {
			continue
		}
		young = young && e.ts.After(now.Add(-7*24*time.Hour))
		again = again || e.ts.After(last.at) && (c.Resolution == "" || l.uncovered(e.release, last))
	}
	switch {
	case c.Kind == queries.Resolve && again:
		status = "regressed"
	case c.Kind == queries.Resolve:
		status = "resolved"
	case c.Kind == queries.Ignore && (c.Until.IsZero() || c.Until.After(now)) && (c.UntilEvents == 0 || n < then+c.UntilEvents) && (c.UntilUsers == 0 || users < usersThen+c.UntilUsers):
		status = "ignored"
	case c.Kind == "" && young:
		status = "new"
	}
	return status + " " + assignee
}
