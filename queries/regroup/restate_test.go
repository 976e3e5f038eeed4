package regroup

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/schema/grouping"
)

// said is what every table says of an issue beside its counts.
type said struct {
	First, Last   time.Time
	Users         uint64
	TrendUsers    []uint64 // By hour.
	Releases      []string
	LastRelease   string
	SampleRelease string
	Status        string
}

func ask(t *testing.T, s *queries.Store, project uint32, issue string) (a said) {
	t.Helper()
	require.NoError(t, s.Conn().QueryRow(t.Context(), `SELECT first_seen, last_seen, users, last_release, first_release, status FROM issues WHERE project_id = ? AND issue = ?`, project, issue).
		Scan(&a.First, &a.Last, &a.Users, &a.LastRelease, &a.SampleRelease, &a.Status))
	require.NoError(t, s.Conn().QueryRow(t.Context(), `SELECT groupArray(users) FROM (SELECT hour, sum(users) AS users FROM issue_trend WHERE project_id = ? AND issue = ? AND events > 0 GROUP BY hour ORDER BY hour)`, project, issue).Scan(&a.TrendUsers))
	require.NoError(t, s.Conn().QueryRow(t.Context(), `SELECT arraySort(groupUniqArray(CAST(release, 'String'))) FROM issue_release WHERE project_id = ? AND lower(leftPad(hex(fingerprint), 16, '0')) = ?`, project, issue).Scan(&a.Releases))
	return a
}

// TestWhatIsLeftFollows: users, first and last seen, releases and status of an
// issue that events leave are those of the events that remain.
func TestWhatIsLeftFollows(t *testing.T) {
	t.Parallel()
	s := store(t)
	stay := []one{
		{fn: "charge", region: "eu", n: 6, age: 40 * time.Hour, user: 11, release: "shop@2.0.0"},
		{fn: "charge", region: "eu", n: 2, age: 30 * time.Hour, user: 12, release: "shop@2.0.0"},
	}
	leave := []one{
		{fn: "charge", region: "us", n: 1, age: 90 * time.Hour, user: 21, release: "shop@1.0.0"},
		{fn: "charge", region: "us", n: 1, age: 30 * time.Hour, user: 12, release: "shop@2.0.0"},
		{fn: "charge", region: "us", n: 1, age: 2 * time.Hour, user: 22, release: "shop@3.0.0"},
	}
	p, alone := project(t, s), project(t, s)
	seed(t, s, p, grouping.Rules{}, append(append([]one{}, stay...), leave...)...)
	seed(t, s, alone, grouping.Rules{}, stay...)
	_, totals := look(t, s, p)
	rules := grouping.SplitRules("type:ValueError -> {{ function }} {{ tags.region }}\n")
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules})
	require.NoError(t, err)
	require.Len(t, r.Splits, 1)
	issue := r.Splits[0].Issue
	// Resolved before the newest events, which leave: nothing regressed.
	_, err = s.Triage(t.Context(), queries.Change{Project: p, Kind: queries.Resolve, Resolution: queries.ResolvedInRelease, Release: "shop@3.0.0", Issues: []string{issue}, Actor: "ann"})
	require.NoError(t, err)
	before := ask(t, s, p, issue)
	want := ask(t, s, alone, issue)
	require.NotEqual(t, want.Users, before.Users)

	require.NoError(t, Apply(t.Context(), s, r, "ann"))
	_, after := look(t, s, p)
	require.Equal(t, totals, after)
	got := ask(t, s, p, issue)
	require.WithinDuration(t, want.First, got.First, time.Minute)
	require.WithinDuration(t, want.Last, got.Last, time.Minute)
	require.Equal(t, "resolved", got.Status)
	got.First, got.Last, got.Status = want.First, want.Last, want.Status
	require.Equal(t, want, got)

	_, err = Undo(t.Context(), s, p, r.Run, "ann")
	require.NoError(t, err)
	_, after = look(t, s, p)
	require.Equal(t, totals, after)
	require.Equal(t, before, ask(t, s, p, issue))
}

// TestHistoryThatIsGoneIsKept: where the oldest events are stored no more, what
// the issue saw cannot be computed anew and stays.
func TestHistoryThatIsGoneIsKept(t *testing.T) {
	t.Parallel()
	s := store(t)
	p := project(t, s)
	seed(t, s, p, grouping.Rules{}, one{fn: "charge", region: "old", n: 3, age: 70 * time.Hour}, one{fn: "charge", region: "eu", n: 6, age: 40 * time.Hour}, one{fn: "charge", region: "us", n: 2, age: 2 * time.Hour})
	require.NoError(t, s.Conn().Exec(t.Context(), "DELETE FROM events WHERE project_id = ? AND tags['region'] = 'old'", p))
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: grouping.SplitRules("type:ValueError -> {{ function }} {{ tags.region }}\n")})
	require.NoError(t, err)
	require.Len(t, r.Splits, 1)
	before := ask(t, s, p, r.Splits[0].Issue)
	require.NoError(t, Apply(t.Context(), s, r, "ann"))
	got := ask(t, s, p, r.Splits[0].Issue)
	require.Equal(t, before.First, got.First)
	require.Equal(t, uint64(9), eventsByIssue(t, s, p)[r.Splits[0].Issue], "three of them are counted only")
}
