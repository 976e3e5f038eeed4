package queries_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// status reads the public view, as a person does.
func status(t *testing.T, s *queries.Store, project uint32, fingerprint uint64) string {
	t.Helper()
	r, err := s.Run(t.Context(), "issue_detail", map[string]string{"project": text(project), "issue": issueHex(fingerprint)})
	require.NoError(t, err)
	if len(r.Rows) == 0 {
		return "none"
	}
	return text(r.Column("status")[0])
}

func TestLifecycle(t *testing.T) {
	const f = uint64(0x00ab)
	hour := time.Hour
	type step struct {
		events []event         // ts is set from after: hours before now where negative, a second after now else.
		after  []time.Duration // For events.
		change *queries.Change
		want   string
	}
	resolve := func(how, release string) *queries.Change {
		return &queries.Change{Kind: queries.Resolve, Resolution: how, Release: release}
	}
	at := func(after time.Duration, e event) step {
		return step{events: []event{e}, after: []time.Duration{after}}
	}
	expect := func(s step, want string) step { s.want = want; return s }
	act := func(c *queries.Change, want string) step { return step{change: c, want: want} }
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"young is new", []step{expect(at(-hour, event{}), "new")}},
		{"old is ongoing", []step{expect(at(-10*24*hour, event{}), "ongoing")}},
		{"resolved now, a later event reopens", []step{
			at(-hour, event{}), act(resolve("", ""), "resolved"), expect(at(time.Second, event{}), "regressed")}},
		{"resolved now, a late old event does not", []step{
			at(-hour, event{}), act(resolve("now", ""), "resolved"), expect(at(-2*hour, event{}), "resolved")}},
		{"in release: an older release does not reopen", []step{
			at(-hour, event{release: "shop@1.9.0"}), act(resolve("in_release", "shop@1.10.0"), "resolved"), expect(at(time.Second, event{release: "shop@1.9.5"}), "resolved")}},
		{"in release: the release itself reopens", []step{
			at(-hour, event{release: "shop@1.9.0"}), act(resolve("in_release", "shop@1.10.0"), "resolved"), expect(at(time.Second, event{release: "shop@1.10.0"}), "regressed")}},
		{"in release: a newer one reopens, by number and not by letter", []step{
			at(-hour, event{release: "shop@1.9.0"}), act(resolve("in_release", "shop@1.9.1"), "resolved"), expect(at(time.Second, event{release: "shop@1.10.0"}), "regressed")}},
		{"in release: its release candidate does not", []step{
			at(-hour, event{release: "shop@1.9.0"}), act(resolve("in_release", "shop@2.0.0"), "resolved"), expect(at(time.Second, event{release: "shop@2.0.0-rc.1"}), "resolved")}},
		{"in release: no release is covered", []step{
			at(-hour, event{release: "shop@1.9.0"}), act(resolve("in_release", "shop@1.9.1"), "resolved"), expect(at(time.Second, event{}), "resolved")}},
		{"in release: a late old event of the release does not", []step{
			at(-hour, event{release: "shop@1.9.1"}), act(resolve("in_release", "shop@1.9.1"), "resolved"), expect(at(-30*time.Minute, event{release: "shop@1.9.1"}), "resolved")}},
		{"in the next release: the current one is covered", []step{
			at(-hour, event{release: "shop@1.9.0"}), act(resolve("in_next_release", ""), "resolved"), expect(at(time.Second, event{release: "shop@1.9.0"}), "resolved"),
			expect(at(2*time.Second, event{release: "shop@1.9.1"}), "regressed")}},
		{"names instead of versions: first seen decides", []step{
			at(-3*hour, event{release: "aaaa"}), at(-2*hour, event{release: "zzzz"}), at(-hour, event{release: "mmmm"}),
			act(resolve("in_release", "zzzz"), "resolved"),
			expect(at(time.Second, event{release: "aaaa"}), "resolved"), expect(at(time.Second, event{release: "mmmm"}), "regressed")}},
		{"unresolve", []step{at(-hour, event{}), act(resolve("", ""), "resolved"), act(&queries.Change{Kind: queries.Unresolve}, "ongoing")}},
		{"resolved again after a regression", []step{
			at(-hour, event{}), act(resolve("", ""), "resolved"), expect(at(5*time.Millisecond, event{}), "regressed"), act(resolve("", ""), "resolved")}},
		{"ignored for ever", []step{
			at(-hour, event{}), act(&queries.Change{Kind: queries.Ignore}, "ignored"), expect(at(time.Second, event{weight: 1000}), "ignored")}},
		{"ignored until a time", []step{
			at(-hour, event{}), act(&queries.Change{Kind: queries.Ignore, Until: time.Now().Add(24 * hour)}, "ignored")}},
		{"ignored until a number of events", []step{
			at(-hour, event{weight: 7}), act(&queries.Change{Kind: queries.Ignore, UntilEvents: 3}, "ignored"),
			expect(at(time.Second, event{weight: 2}), "ignored"), expect(at(time.Second, event{}), "ongoing")}},
		{"twins do not count", []step{
			at(-hour, event{}), act(&queries.Change{Kind: queries.Ignore, UntilEvents: 1}, "ignored"), expect(at(time.Second, event{weight: -1}), "ignored")}},
		{"ignored until a number of users", []step{
			at(-hour, event{user: 1}), act(&queries.Change{Kind: queries.Ignore, UntilUsers: 2}, "ignored"),
			expect(at(time.Second, event{user: 2}), "ignored"), expect(at(time.Second, event{weight: 5, users: []uint64{1, 2, 3}}), "ongoing")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			project := newProject()
			owner, triage := store(t, "errata"), store(t, "triage")
			for i, s := range c.steps {
				for k, e := range s.events {
					e.project, e.fingerprint, e.ts = project, f, time.Now().Add(s.after[k])
					e.id = uuid.NewString()
					seed(t, owner, e)
				}
				if s.change != nil {
					s.change.Project, s.change.Issues, s.change.Actor = project, []string{issueHex(f)}, "ann"
					time.Sleep(2 * time.Millisecond)
					_, err := triage.Triage(t.Context(), *s.change)
					require.NoError(t, err)
				}
				if s.want != "" {
					if len(s.after) > 0 && s.after[0] > 0 && s.after[0] < 100*time.Millisecond {
						time.Sleep(s.after[0])
					}
					require.Equal(t, s.want, status(t, triage, project, f), "step %d", i)
				}
			}
		})
	}
}

// The dictionary follows the merge log within two seconds.
func eventually(t *testing.T, want string, get func() string) {
	t.Helper()
	require.Eventually(t, func() bool { return get() == want }, time.Minute, 100*time.Millisecond, "want %s, have %s", want, get())
}

func TestMergeSplitUndo(t *testing.T) {
	project := newProject()
	owner, triage := store(t, "errata"), store(t, "triage")
	for f := uint64(1); f <= 4; f++ {
		for i := range f {
			seed(t, owner, event{project: project, fingerprint: f, user: f, id: uuid.NewString(), ts: time.Now().Add(-time.Duration(i+1) * time.Minute)})
		}
	}
	change := func(kind string, into uint64, issues ...uint64) error {
		c := queries.Change{Project: project, Actor: "ann", Kind: kind}
		if into != 0 {
			c.Into = issueHex(into)
		}
		for _, f := range issues {
			c.Issues = append(c.Issues, issueHex(f))
		}
		_, err := triage.Triage(t.Context(), c)
		return err
	}
	counts := func() string {
		r, err := triage.SQL(t.Context(), "SELECT arraySort(groupArray((issue, events, users))) FROM issues WHERE project_id = "+text(project))
		require.NoError(t, err)
		return text(r.Rows[0][0])
	}
	cell := func(f, n, users uint64) string { return "[" + issueHex(f) + " " + text(n) + " " + text(users) + "]" }

	require.NoError(t, change(queries.Merge, 2, 1))
	eventually(t, "["+cell(2, 3, 2)+" "+cell(3, 3, 1)+" "+cell(4, 4, 1)+"]", counts)
	// The survivor of a merge moves on with all that belongs to it.
	require.NoError(t, change(queries.Merge, 4, 2))
	eventually(t, "["+cell(3, 3, 1)+" "+cell(4, 7, 3)+"]", counts)
	require.Equal(t, "none", status(t, triage, project, 99))
	// Raw events show the issue too.
	r, err := triage.SQL(t.Context(), "SELECT DISTINCT issue FROM events WHERE project_id = "+text(project)+" ORDER BY issue")
	require.NoError(t, err)
	require.Equal(t, []any{issueHex(3), issueHex(4)}, r.Column("issue"))
	// A merged issue follows: its detail lists what it holds.
	r, err = triage.Run(t.Context(), "issue_detail", map[string]string{"project": text(project), "issue": issueHex(4)})
	require.NoError(t, err)
	require.Equal(t, []string{issueHex(4), issueHex(1), issueHex(2)}, r.Column("fingerprints")[0])

	require.ErrorContains(t, change(queries.Split, 0, 4), "an issue of its own")
	require.ErrorContains(t, change(queries.Merge, 4, 1), "belong to it already")
	require.ErrorContains(t, change(queries.Merge, 77, 1), "no such issue")
	require.NoError(t, change(queries.Split, 0, 1))
	eventually(t, "["+cell(1, 1, 1)+" "+cell(3, 3, 1)+" "+cell(4, 6, 2)+"]", counts)

	h, err := triage.Run(t.Context(), "issue_history", map[string]string{"project": text(project), "issue": issueHex(4)})
	require.NoError(t, err)
	require.Equal(t, []any{"merge", "merge", "merge", "split"}, h.Column("action"))
	// Undo takes the second merge back as one: 1 and 2 moved together, 1 was
	// split since, so 2 stands alone again and holds nothing but itself.
	bulk := h.Column("bulk_id")[len(h.Rows)-2].(uuid.UUID)
	done, err := triage.Undo(t.Context(), project, "ann", bulk, "too early")
	require.NoError(t, err)
	require.Len(t, done.Actions, 2)
	eventually(t, "["+cell(1, 1, 1)+" "+cell(2, 2, 1)+" "+cell(3, 3, 1)+" "+cell(4, 4, 1)+"]", counts)
	_, err = triage.Undo(t.Context(), project, "ann", bulk, "")
	require.ErrorContains(t, err, "undone already")
}

// A merged issue regresses by an event of any fingerprint that it holds.
func TestMergedIssueRegresses(t *testing.T) {
	project := newProject()
	owner, triage := store(t, "errata"), store(t, "triage")
	seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString()}, event{project: project, fingerprint: 2, id: uuid.NewString()})
	for _, c := range []queries.Change{{Kind: queries.Merge, Issues: []string{issueHex(2)}, Into: issueHex(1)}, {Kind: queries.Resolve, Issues: []string{issueHex(1)}}} {
		c.Project, c.Actor = project, "ann"
		_, err := triage.Triage(t.Context(), c)
		require.NoError(t, err)
	}
	eventually(t, "resolved", func() string { return status(t, triage, project, 1) })
	seed(t, owner, event{project: project, fingerprint: 2, ts: time.Now().Add(time.Second), id: uuid.NewString()})
	eventually(t, "regressed", func() string { return status(t, triage, project, 1) })
}

func TestStateAsOf(t *testing.T) {
	project := newProject()
	owner, triage := store(t, "errata"), store(t, "triage")
	before := time.Now().Add(-time.Hour) // Of both: which one is newer decides the order.
	seed(t, owner, event{project: project, fingerprint: 1, ts: before, id: uuid.NewString()}, event{project: project, fingerprint: 2, ts: before, id: uuid.NewString()})
	moments := map[string]time.Time{}
	mark := func(name string) {
		time.Sleep(5 * time.Millisecond)
		moments[name] = time.Now()
		time.Sleep(5 * time.Millisecond)
	}
	do := func(kind string, f uint64) {
		_, err := triage.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: kind, Issues: []string{issueHex(f)}, Assignee: "bob"})
		require.NoError(t, err)
	}
	mark("start")
	do(queries.Resolve, 1)
	mark("resolved")
	seed(t, owner, event{project: project, fingerprint: 1, ts: time.Now(), id: uuid.NewString()})
	mark("regressed")
	do(queries.Ignore, 1)
	do(queries.Assign, 2)
	mark("ignored")
	do(queries.Resolve, 1)
	_, err := triage.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(2)}, Into: issueHex(1)})
	require.NoError(t, err)
	mark("merged")
	for _, c := range []struct{ moment, want string }{
		{"start", "[0000000000000001 new ] [0000000000000002 new ]"},
		{"resolved", "[0000000000000001 resolved ] [0000000000000002 new ]"},
		{"regressed", "[0000000000000001 regressed ] [0000000000000002 new ]"},
		{"ignored", "[0000000000000001 ignored ] [0000000000000002 new bob]"},
		{"merged", "[0000000000000001 resolved ]"},
	} {
		t.Run(c.moment, func(t *testing.T) {
			r, err := triage.Run(t.Context(), "state_as_of", map[string]string{"project": text(project), "at": moments[c.moment].UTC().Format(time.RFC3339Nano)})
			require.NoError(t, err)
			r = r.Pick("issue", "status", "assignee")
			got := ""
			for _, row := range r.Rows {
				if got != "" {
					got += " "
				}
				got += "[" + text(row[0]) + " " + text(row[1]) + " " + text(row[2]) + "]"
			}
			require.Equal(t, c.want, got)
		})
	}
}

// Ignored until there are more: who was known before is no more user then, and
// a late event counts from when it came.
func TestStateAsOfIgnoredUntilMore(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	at := func(f uint64, late time.Duration, weight int, users ...uint64) {
		now := time.Now().UTC()
		seed(t, owner, event{project: project, fingerprint: f, id: uuid.NewString(), ts: now.Add(-late), received: now, weight: weight, users: users})
	}
	at(1, time.Hour, 1, 1, 2)
	at(2, time.Hour, 5)
	ignore := func(f uint64, c queries.Change) {
		c.Project, c.Actor, c.Kind, c.Issues = project, "ann", queries.Ignore, []string{issueHex(f)}
		_, err := owner.Triage(t.Context(), c)
		require.NoError(t, err)
	}
	ignore(1, queries.Change{UntilUsers: 2})
	ignore(2, queries.Change{UntilEvents: 2})
	var moments []time.Time
	var want []string
	look := func(first, second string) {
		time.Sleep(3 * time.Millisecond)
		moments, want = append(moments, time.Now().UTC()), append(want, first+" "+second)
		require.Equal(t, want[len(want)-1], status(t, owner, project, 1)+" "+status(t, owner, project, 2))
		time.Sleep(3 * time.Millisecond)
	}
	look("ignored", "ignored")
	at(1, 0, 1, 1, 2)
	at(2, 0, 1)
	look("ignored", "ignored")
	at(1, 0, 1, 3)
	at(2, 30*time.Hour, 1)
	look("ignored", "ongoing")
	at(1, 30*time.Hour, 1, 4)
	look("ongoing", "ongoing")
	for i, moment := range moments {
		r, err := owner.Run(t.Context(), "state_as_of", map[string]string{"project": text(project), "at": moment.Format(time.RFC3339Nano)})
		require.NoError(t, err)
		got := map[string]string{}
		for _, row := range rows(r) {
			got[text(row["issue"])] = text(row["status"])
		}
		require.Equal(t, want[i], got[issueHex(1)]+" "+got[issueHex(2)], "moment %d", i)
	}
}

func TestTriageRefuses(t *testing.T) {
	project := newProject()
	owner, triage, reader := store(t, "errata"), store(t, "triage"), store(t, "reader")
	seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString()})
	good := queries.Change{Project: project, Actor: "ann", Kind: queries.Resolve, Issues: []string{issueHex(1)}}
	for _, c := range []struct {
		name string
		with func(*queries.Change)
		want string
	}{
		{"no actor", func(c *queries.Change) { c.Actor = " " }, "an actor of 1 to 200 bytes"},
		{"no issue", func(c *queries.Change) { c.Issues = nil }, "1 to 1000 issues"},
		{"no project", func(c *queries.Change) { c.Project = 0 }, "the project must be given"},
		{"another project's issue", func(c *queries.Change) { c.Project = project + 5000 }, "no such issue"},
		{"unknown kind", func(c *queries.Change) { c.Kind = "delete" }, `no action "delete"`},
		{"release without in_release", func(c *queries.Change) { c.Release = "1.0" }, "go together"},
		{"next release without any", func(c *queries.Change) { c.Resolution = queries.ResolvedInNextRelease }, "no release yet"},
		{"empty comment", func(c *queries.Change) { c.Kind = queries.Comment }, "the comment is empty"},
		{"priority", func(c *queries.Change) { c.Kind, c.Priority = queries.Priority, "urgent" }, "low, medium or high"},
		{"past", func(c *queries.Change) { c.Kind, c.Until = queries.Ignore, time.Now().Add(-time.Hour) }, "is past"},
		{"form", func(c *queries.Change) { c.Issues = []string{"12"} }, "16 hex digits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := good
			c.with(&change)
			_, err := triage.Triage(t.Context(), change)
			require.ErrorIs(t, err, queries.ErrTriage)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := reader.Triage(t.Context(), good)
	require.ErrorContains(t, err, "Not enough privileges")
	_, err = triage.SQL(t.Context(), "INSERT INTO events (project_id) VALUES (1)")
	require.Error(t, err)
	require.Equal(t, "new", status(t, reader, project, 1))
}
