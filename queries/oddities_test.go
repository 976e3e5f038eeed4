package queries_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// A list of projects that is none would be project 0, which has nothing.
func TestProjectsAreNumbers(t *testing.T) {
	s := store(t, "reader")
	for _, bad := range []string{"shop", "1,shop", "1,,2", "-1", "4294967296"} {
		_, err := s.Run(t.Context(), "event_search", map[string]string{"projects": bad})
		require.ErrorIs(t, err, catalog.ErrParam, bad)
		require.ErrorContains(t, err, "is not the id of a project", bad)
	}
	project := newProject()
	seed(t, store(t, "errata"), event{project: project, fingerprint: 1})
	r, err := s.Run(t.Context(), "event_search", map[string]string{"projects": " " + text(project) + ", 4000000001"})
	require.NoError(t, err)
	require.Len(t, r.Rows, 1)
}

// An event in a release that the resolution covers brings nothing back, so a
// chart marks the first one that does.
func TestRegressionIsMarkedWhereItHappened(t *testing.T) {
	owner, project := store(t, "errata"), newProject()
	start := time.Now().UTC().Truncate(time.Second).Add(-10 * time.Hour)
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	var block []event
	add := func(f uint64, at int, release string) {
		block = append(block, event{project: project, fingerprint: f, id: uuid.NewString(), ts: hour(at), release: release})
	}
	for f := range uint64(3) {
		add(f+1, 0, "shop@1.0.0")
		add(f+1, 1, "shop@1.2.0")
		add(f+1, 4, "shop@1.0.0") // Older than the release with the fix.
		add(f+1, 6, "shop@1.2.0")
		add(f+1, 8, "shop@1.3.0")
	}
	seed(t, owner, block...)
	for f, what := range []string{"'in_release', 'shop@1.2.0'", "'in_next_release', 'shop@1.2.0'", "'now', ''"} {
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO issue_actions (project_id, fingerprint, at, actor, action, resolution, in_release) VALUES ("+text(project)+", "+text(f+1)+", '"+hour(2).Format("2006-01-02 15:04:05")+"', 'ann', 'resolve', "+what+")"))
	}
	require.Equal(t, []string{
		text(hour(8)) + " | " + issueHex(2),
		text(hour(6)) + " | " + issueHex(1),
		text(hour(4)) + " | " + issueHex(3),
	}, marks(t, owner, project, "regressions"))
	require.Equal(t, []string{text(hour(8)) + " | " + issueHex(2)}, marks(t, owner, project, "regressions", "from", hour(7).Format(time.RFC3339)), "what came back earlier is not marked at its next event")
}

func marks(t *testing.T, s *queries.Store, project uint32, kind string, more ...string) (out []string) {
	t.Helper()
	values := map[string]string{"projects": text(project), "kind": kind}
	for i := 0; i < len(more); i += 2 {
		values[more[i]] = more[i+1]
	}
	r, err := s.Run(t.Context(), "marks", values)
	require.NoError(t, err)
	for _, row := range rows(r) {
		out = append(out, text(row["time"])+" | "+text(row["issue"]))
	}
	return out
}

// What was said about an issue before it was merged is said about the one that
// it is a part of now; what was done to it was not.
func TestHistoryKeepsCommentsOfMerged(t *testing.T) {
	owner, project := store(t, "errata"), newProject()
	seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString()}, event{project: project, fingerprint: 2, id: uuid.NewString()})
	for _, c := range []queries.Change{
		{Kind: queries.Comment, Comment: "seen on the blue cluster", Issues: []string{issueHex(1)}},
		{Kind: queries.Resolve, Issues: []string{issueHex(1)}},
		{Kind: queries.Merge, Issues: []string{issueHex(1)}, Into: issueHex(2)},
	} {
		c.Project, c.Actor = project, "ann"
		_, err := owner.Triage(t.Context(), c)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"comment | " + issueHex(1) + " | seen on the blue cluster", "merge | " + issueHex(1) + " | "},
		ask(t, owner, project, "issue_history", "action issue comment", "issue", issueHex(2)))
}

// A release that three sessions tried is not what the next one is judged by.
func TestTinyReleasesAreNoMeasure(t *testing.T) {
	owner, project := store(t, "errata"), newProject()
	now := time.Now().UTC()
	var block []event
	for i, release := range []string{"shop@1.0.0", "shop@1.1.0-dev", "shop@1.1.0"} {
		for f := range uint64(map[int]int{0: 30, 1: 1, 2: 25}[i]) {
			block = append(block, event{project: project, fingerprint: f + 1, id: uuid.NewString(), ts: now.Add(-time.Duration(30-10*i) * time.Hour), release: release})
		}
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO sessions (project_id, started, ts, release, environment, status, quantity) SELECT ?, now64(3) - toIntervalHour(?) AS started, started, ?, 'production', ['exited', 'crashed'][number + 1], [?, ?][number + 1] FROM numbers(2)",
			project, 30-10*i, release, map[int]int{0: 990, 1: 1, 2: 900}[i], map[int]int{0: 10, 1: 2, 2: 100}[i]))
	}
	seed(t, owner, block...)
	columns := "release before new_issues returned_issues sessions crash_free_before verdict"
	require.Equal(t, []string{"shop@1.1.0 | shop@1.0.0 | 0 | 0 | 1000 | 0.990 | worse", "shop@1.1.0-dev | shop@1.0.0 | 0 | 0 | 3 | 0.990 | unknown", "shop@1.0.0 |  | 30 | 0 | 1000 | <nil> | unknown"},
		ask(t, owner, project, "release_compare", columns))
	require.Equal(t, []string{"shop@1.1.0 | shop@1.1.0-dev | 0 | 24 | 1000 | 0.333 | better"}, ask(t, owner, project, "release_compare", columns, "min_sessions", "1", "min_events", "1", "limit", "1"), "as it was without a least size")
}

// Everything can be asked of a store that has nothing yet: no row, or one that
// says so, and never what is no number.
func TestEmptyStore(t *testing.T) {
	s := storeIn(t, "empty")
	all, err := catalog.All()
	require.NoError(t, err)
	given := map[string]string{"project": "1", "issue": issueHex(1), "trace_id": "11111111111111111111111111111111", "event_id": uuid.NewString(), "release": "shop@1.0.0", "text": "words", "fingerprints": issueHex(1), "issues": issueHex(1),
		"id": uuid.NewString(), "at": "now", "key": "plan", "log_id": uuid.NewString(), "service": "shop", "at_us": "1"}
	for _, q := range all {
		ask := func(more map[string]string) {
			values := map[string]string{}
			for _, p := range q.Params {
				if v, ok := more[p.Name]; ok {
					values[p.Name] = v
				} else if v, ok := given[p.Name]; ok && p.Required {
					values[p.Name] = v
				}
			}
			r, err := s.Run(t.Context(), q.Name, values)
			require.NoError(t, err, "%s %v", q.Name, values)
			if !slices.Contains([]string{"issue_trend", "newest_receipt", "triage_moment", "disk_report"}, q.Name) {
				require.Empty(t, r.Rows, "%s %v", q.Name, values)
			}
			raw, err := r.MarshalJSON()
			require.NoError(t, err)
			require.NotContains(t, string(raw), "null", "%s %v", q.Name, values)
		}
		ask(nil)
		for _, p := range q.Params {
			for _, v := range p.OneOf {
				ask(map[string]string{p.Name: v, "tag_key": "plan", "key": "plan"})
			}
			if v, ok := given[p.Name]; ok && !p.Required {
				ask(map[string]string{p.Name: v})
			}
		}
	}
}

// Whatever moment is given, the answer is the one of the moments that a store
// can hold: a window from before 1970 does not begin in 2079.
func TestOddMoments(t *testing.T) {
	s := storeIn(t, "moments")
	now := time.Now().UTC()
	seed(t, s, event{project: 1, fingerprint: 1, id: uuid.NewString(), ts: now.Add(-time.Hour), tags: map[string]string{"plan": "pro"}}, event{project: 1, fingerprint: 1, id: uuid.NewString(), ts: now.Add(20 * time.Hour)})
	for _, c := range []struct{ name, from, to string }{
		{"long before", "-999999w", "now"}, {"before 1970", "1900-01-01", "now"}, {"year one", "0001-01-01", "+1h"}, {"negative seconds", "-62135596800", "now"},
		{"far ahead", "-2d", "+999999w"}, {"year 9999", "-2d", "9999-12-31"}, {"milliseconds without end", "-2d", "9223372036854775807"}, {"everything", "0001-01-01", "9999-12-31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, values := range map[string]map[string]string{
				"issue_list": {}, "issue_list by tag and words": {"tag": "plan=pro", "text": "valueerror"}, "tag_distribution": {"issue": issueHex(1), "key": "plan"}, "tag_lift": {"issue": issueHex(1)},
				"text_search": {"text": "ValueError"}, "users_affected": {"issue": issueHex(1)}, "sampled_events": {"issue": issueHex(1)},
			} {
				values["project"], values["from"], values["to"] = "1", c.from, c.to
				query, _, _ := strings.Cut(name, " ")
				r, err := s.Run(t.Context(), query, values)
				require.NoError(t, err, name)
				if query != "users_affected" { // No event has a user.
					require.NotEmpty(t, r.Rows, name)
				}
			}
		})
	}
	trend := func(from, to, bucket string) ([]map[string]any, error) {
		r, err := s.Run(t.Context(), "issue_trend", map[string]string{"project": "1", "issue": issueHex(1), "from": from, "to": to, "bucket": bucket})
		if err != nil {
			return nil, err
		}
		return rows(r), nil
	}
	all, err := trend("-365d", "+1d", "hour")
	require.NoError(t, err)
	var n uint64
	for _, row := range all {
		n += row["events"].(uint64)
	}
	require.Equal(t, uint64(2), n)
	for _, c := range [][3]string{{"-10d", "now", "minute"}, {"-500d", "now", "hour"}, {"1900-01-01", "now", "day"}, {"-1d", "+999999w", "day"}} {
		_, err := trend(c[0], c[1], c[2])
		require.ErrorIs(t, err, catalog.ErrParam)
		require.ErrorContains(t, err, "cannot run query issue_trend: wrong parameter: bucket: ")
		require.ErrorContains(t, err, "the limit is 10000: give a wider bucket or a shorter window")
	}
}
