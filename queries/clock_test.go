package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// Clients may be a minute ahead. What such a one sent before an issue was
// resolved is nothing that came again; what it sends after that is.
func TestResolvedBesideAClockAhead(t *testing.T) {
	owner := store(t, "errata")
	for _, c := range []struct{ name, how, release string }{{"now", queries.ResolvedNow, ""}, {"in release", queries.ResolvedInRelease, "shop@1.0.0"}, {"in next release", queries.ResolvedInNextRelease, ""}} {
		t.Run(c.name, func(t *testing.T) {
			project := newProject()
			ahead := time.Now().Add(40 * time.Second)
			seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: ahead.Add(-time.Minute), release: "shop@1.0.0"},
				event{project: project, fingerprint: 2, id: uuid.NewString(), ts: ahead, release: "shop@1.0.0"})
			_, err := owner.Triage(t.Context(), queries.Change{Project: project, Issues: []string{issueHex(2)}, Actor: "ann", Kind: queries.Merge, Into: issueHex(1)})
			require.NoError(t, err)
			_, err = owner.Triage(t.Context(), queries.Change{Project: project, Issues: []string{issueHex(1)}, Actor: "ann", Kind: queries.Resolve, Resolution: c.how, Release: c.release})
			require.NoError(t, err)
			require.Equal(t, "resolved", status(t, owner, project, 1))
			seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: ahead.Add(time.Second), release: "shop@1.1.0"})
			require.Equal(t, "regressed", status(t, owner, project, 1))
			_, err = owner.Triage(t.Context(), queries.Change{Project: project, Issues: []string{issueHex(1)}, Actor: "ann", Kind: queries.Ignore})
			require.NoError(t, err)
			require.Equal(t, "ignored", status(t, owner, project, 1), "who acts later is right")
		})
	}
}

// Two people whose clocks differ: the one who acts last is right.
func TestClocksOfTwoPeople(t *testing.T) {
	owner := store(t, "errata")
	project := newProject()
	seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: time.Now().Add(-time.Hour)})
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf("INSERT INTO issue_actions (project_id, fingerprint, at, action_id, actor, action) VALUES (%d, 1, now64(3) + INTERVAL 30 SECOND, '%s', 'ahead', 'ignore')", project, uuid.Must(uuid.NewV7()))))
	require.Equal(t, "ignored", status(t, owner, project, 1))
	for _, c := range []struct{ kind, want string }{{queries.Resolve, "resolved"}, {queries.Unresolve, "ongoing"}, {queries.Ignore, "ignored"}, {queries.Resolve, "resolved"}} {
		_, err := owner.Triage(t.Context(), queries.Change{Project: project, Issues: []string{issueHex(1)}, Actor: "ann", Kind: c.kind})
		require.NoError(t, err)
		require.Equal(t, c.want, status(t, owner, project, 1))
	}
	r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT count(), uniqExact(at), max(at) < now64(3) + INTERVAL 31 SECOND FROM issue_actions WHERE project_id = %d", project))
	require.NoError(t, err)
	require.Equal(t, []any{uint64(5), uint64(5), uint8(1)}, r.Rows[0])
}

// What a change of many issues remembers is asked at once, and is of each issue
// what it would be alone: counts of all that belongs to it, the newest release
// of its own package.
func TestBulkRemembersEach(t *testing.T) {
	owner := store(t, "errata")
	project, now := newProject(), time.Now()
	at := func(f uint64, release string, weight int, ago time.Duration, user uint64) event {
		return event{project: project, fingerprint: f, id: uuid.NewString(), ts: now.Add(-ago), release: release, weight: weight, user: user}
	}
	seed(t, owner, at(1, "shop@1.2.0", 1, time.Hour, 1), at(1, "shop@1.10.0", 2, 2*time.Hour, 2), at(2, "mail@7.0.0", 1, time.Hour, 1), at(3, "9f3", 1, time.Hour, 1), at(4, "9f4", 1, 3*time.Hour, 4), at(5, "", 1, time.Hour, 5))
	change := queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(4)}, Into: issueHex(1)}
	_, err := owner.Triage(t.Context(), change)
	require.NoError(t, err)
	remembered := func(kind string) map[uint64][]any {
		r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT fingerprint, base_events, base_users, in_release FROM issue_actions WHERE project_id = %d AND action = '%s' ORDER BY at", project, kind))
		require.NoError(t, err)
		out := map[uint64][]any{}
		for _, row := range r.Rows {
			out[row[0].(uint64)] = row[1:]
		}
		return out
	}
	issues := []string{issueHex(1), issueHex(2), issueHex(3)}
	_, err = owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Ignore, UntilEvents: 5, Issues: issues})
	require.NoError(t, err)
	require.Equal(t, map[uint64][]any{1: {uint64(4), uint64(3), ""}, 2: {uint64(1), uint64(1), ""}, 3: {uint64(1), uint64(1), ""}}, remembered(queries.Ignore))
	_, err = owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Resolve, Resolution: queries.ResolvedInNextRelease, Issues: issues})
	require.NoError(t, err)
	require.Equal(t, map[uint64][]any{1: {uint64(4), uint64(3), "shop@1.10.0"}, 2: {uint64(1), uint64(1), "mail@7.0.0"}, 3: {uint64(1), uint64(1), "9f3"}}, remembered(queries.Resolve))
}
