package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// A release is known from its first session or transaction on, not only from its
// first error: what had been out before a resolution brings nothing back.
func TestReleasesAreKnownBySessionsAndSpans(t *testing.T) {
	const f = uint64(0x51)
	owner := store(t, "errata")
	hour := time.Hour
	session := func(project uint32, release string, ago time.Duration) {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(
			"INSERT INTO sessions (project_id, started, ts, received_at, session_id, init, release, environment) SELECT %d, now64(3) - %d, now64(3), now64(3), generateUUIDv4(), true, '%s', 'production'", project, int(ago.Seconds()), release)))
	}
	span := func(project uint32, release string, ago time.Duration) {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(
			"INSERT INTO spans (project_id, ts, trace_id, span_id, is_segment, protocol, name, release) SELECT %d, now64(6) - %d, 'abc', '1', true, 'sentry', 'GET /', '%s'", project, int(ago.Seconds()), release)))
	}
	for _, c := range []struct {
		name     string
		known    func(uint32, string, time.Duration)
		release  string
		first    string // Of the issue.
		resolve  queries.Change
		then     string
		want     string
		resolved string // In which release.
	}{
		{"a version that only had sessions is not the next one", session, "app@2.0.0", "app@1.0.0", queries.Change{Resolution: queries.ResolvedInNextRelease}, "app@2.0.0", "resolved", "app@2.0.0"},
		{"a version that only had transactions is not the next one", span, "app@2.0.0", "app@1.0.0", queries.Change{Resolution: queries.ResolvedInNextRelease}, "app@2.0.0", "resolved", "app@2.0.0"},
		{"but the one after it is", session, "app@2.0.0", "app@1.0.0", queries.Change{Resolution: queries.ResolvedInNextRelease}, "app@2.0.1", "regressed", "app@2.0.0"},
		{"a name that is older by its sessions", session, "bbbb", "ffff", queries.Change{Resolution: queries.ResolvedInRelease, Release: "ffff"}, "bbbb", "resolved", "ffff"},
		{"a name that is older by its transactions", span, "bbbb", "ffff", queries.Change{Resolution: queries.ResolvedInRelease, Release: "ffff"}, "bbbb", "resolved", "ffff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			project := newProject()
			c.known(project, c.release, 2*hour)
			seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString(), ts: time.Now().Add(-hour), release: c.first})
			c.resolve.Project, c.resolve.Actor, c.resolve.Kind, c.resolve.Issues = project, "ann", queries.Resolve, []string{issueHex(f)}
			_, err := owner.Triage(t.Context(), c.resolve)
			require.NoError(t, err)
			seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString(), ts: time.Now().Add(time.Second), release: c.then})
			require.Equal(t, c.want, status(t, owner, project, f))
			r, err := owner.Run(t.Context(), "issue_detail", map[string]string{"project": text(project), "issue": issueHex(f)})
			require.NoError(t, err)
			require.Equal(t, c.resolved, text(r.Column("in_release")[0]))
			r, err = owner.SQL(t.Context(), fmt.Sprintf("SELECT release, events FROM releases WHERE project_id = %d AND release = '%s'", project, c.release))
			require.NoError(t, err)
			require.Len(t, r.Rows, 1)
		})
	}
}

// Releases of one hour stand in the order in which they came, whether errors or
// sessions told of them first.
func TestReleasesOfOneHourAreInOrder(t *testing.T) {
	owner := store(t, "errata")
	project := newProject()
	hour := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: hour.Add(10 * time.Minute), release: "a@1"})
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(
		"INSERT INTO sessions (project_id, started, ts, session_id, init, release) SELECT %d, toDateTime64('%s', 3, 'UTC'), now64(3), generateUUIDv4(), true, 'b@1' FROM numbers(300)",
		project, hour.Add(20*time.Minute).Format("2006-01-02 15:04:05"))))
	seed(t, owner, event{project: project, fingerprint: 2, id: uuid.NewString(), ts: hour.Add(30 * time.Minute), release: "c@1"})
	want := fmt.Sprintf("[[a@1 %[1]s] [b@1 %[2]s] [c@1 %[3]s]]", hour.Add(10*time.Minute), hour.Add(20*time.Minute), hour.Add(30*time.Minute))
	for _, ask := range []string{"SELECT arraySort(groupArray((release, first_seen))) FROM releases WHERE project_id = " + text(project),
		"SELECT arraySort(groupArray((release, last_seen))) FROM releases WHERE project_id = " + text(project)} {
		r, err := owner.SQL(t.Context(), ask)
		require.NoError(t, err)
		require.Equal(t, want, text(r.Rows[0][0]))
	}
	r, err := owner.Run(t.Context(), "releases", map[string]string{"project": text(project)})
	require.NoError(t, err)
	require.Equal(t, "[c@1 b@1 a@1]", text(r.Column("release")))
	require.Equal(t, hour.Add(20*time.Minute), r.Column("first_seen")[1])
	r, err = owner.Run(t.Context(), "release_compare", map[string]string{"project": text(project), "min_sessions": "0", "min_events": "0"})
	require.NoError(t, err)
	require.Equal(t, "[c@1 b@1 a@1] [b@1 a@1 ]", text(r.Column("release"))+" "+text(r.Column("before")))
}

// The next release of an issue is one of the package that the issue comes from,
// also where its newest event names none.
func TestNextReleaseOfAnIssueWhoseNewestEventNamesNone(t *testing.T) {
	owner := store(t, "errata")
	for _, c := range []struct {
		name           string
		own            string // A release of the issue, before an event that names none.
		inRelease      string
		reopens, stays string
	}{
		{"its own package", "shop@1.0.0", "shop@1.2.0", "shop@1.3.0", "shop@1.2.0"},
		{"an issue without any: the package seen last", "", "mail@7.0.0", "mail@7.0.1", "mail@7.0.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			project := newProject()
			at := func(f uint64, release string, after time.Duration) {
				seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString(), ts: time.Now().Add(after), release: release})
			}
			if c.own != "" {
				at(1, c.own, -3*time.Hour)
			}
			at(2, "shop@1.2.0", -2*time.Hour)
			at(2, "mail@7.0.0", -2*time.Hour+time.Minute)
			at(1, "", -time.Hour)
			_, err := owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Resolve, Resolution: queries.ResolvedInNextRelease, Issues: []string{issueHex(1)}})
			require.NoError(t, err)
			r, err := owner.Run(t.Context(), "issue_detail", map[string]string{"project": text(project), "issue": issueHex(1)})
			require.NoError(t, err)
			require.Equal(t, c.inRelease, text(r.Column("in_release")[0]))
			at(1, c.stays, time.Second)
			require.Equal(t, "resolved", status(t, owner, project, 1))
			at(1, c.reopens, time.Second)
			require.Equal(t, "regressed", status(t, owner, project, 1))
		})
	}
}

// Who acts on a fingerprint that was merged acts on the issue that it belongs
// to: nobody would see what was said of it apart.
func TestActingOnWhatWasMerged(t *testing.T) {
	owner := store(t, "errata")
	project := newProject()
	for f := uint64(1); f <= 3; f++ {
		seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString()})
	}
	act := func(c queries.Change) queries.Done {
		c.Project, c.Actor = project, "ann"
		done, err := owner.Triage(t.Context(), c)
		require.NoError(t, err)
		return done
	}
	act(queries.Change{Kind: queries.Merge, Issues: []string{issueHex(2)}, Into: issueHex(1)})
	act(queries.Change{Kind: queries.Assign, Assignee: "zoe", Issues: []string{issueHex(2)}})
	done := act(queries.Change{Kind: queries.Resolve, Issues: []string{issueHex(2), issueHex(1), issueHex(3)}})
	require.Len(t, done.Actions, 2, "one of each issue")
	eventually(t, "[[0000000000000001 resolved zoe] [0000000000000003 resolved ]]", func() string {
		r, err := owner.SQL(t.Context(), "SELECT arraySort(groupArray((issue, status, assignee))) FROM issues WHERE project_id = "+text(project))
		require.NoError(t, err)
		return text(r.Rows[0][0])
	})
	// Of its own it is again what it was before the merge.
	act(queries.Change{Kind: queries.Split, Issues: []string{issueHex(2)}})
	eventually(t, "new", func() string { return status(t, owner, project, 2) })
}

// All of a change is taken back, however many fingerprints it moved.
func TestUndoOfAVeryLargeMerge(t *testing.T) {
	owner := store(t, "errata")
	project, bulk := newProject(), uuid.New()
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(
		"INSERT INTO issue_actions (project_id, fingerprint, at, actor, action, into, bulk_id) SELECT %d, number + 2, now64(3), 'ann', 'merge', 1, '%s' FROM numbers(2500)", project, bulk)))
	done, err := owner.Undo(t.Context(), project, "ann", bulk, "")
	require.NoError(t, err)
	require.Len(t, done.Actions, 2500)
	_, err = owner.Undo(t.Context(), project, "ann", bulk, "")
	require.ErrorContains(t, err, "undone already")
}
