package regroup

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
	"errata/schema/grouping"
	"errata/schema/grouping/payload"
	"errata/schema/tables"
)

var migrate struct {
	sync.Once
	err error
}

func store(t testing.TB) *queries.Store {
	t.Helper()
	server := clickhousetest.Shared(t)
	migrate.Do(func() {
		conn, err := queries.Dial(t.Context(), queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]})
		if err != nil {
			migrate.err = err
			return
		}
		defer conn.Close()
		migrate.err = tables.Migrate(context.Background(), conn, tables.Options{Password: clickhousetest.Passwords["errata"]})
	})
	require.NoError(t, migrate.err)
	s, err := queries.Open(t.Context(), queries.Config{Addr: server.Addr(), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var last atomic.Uint32

func project(t testing.TB, s *queries.Store) uint32 {
	t.Helper()
	id := 5000 + last.Add(1)
	p, err := projects.Create(t.Context(), s.Conn(), schema.Project{ID: id, Slug: fmt.Sprintf("p%d", id), Settings: `{"flood":{"per_minute":7}}`})
	require.NoError(t, err)
	return p.ID
}

// one is a stored event to seed.
type one struct {
	fn, region, value string
	weight            int // 0 is 1, -1 a twin.
	n                 int
	age               time.Duration // 0: spread over three days.
	user              uint64        // 0: five of them.
	release           string        // Empty: shop@1.0.0.
}

func document(e one) []byte {
	raw, _ := json.Marshal(map[string]any{
		"platform": "python", "level": "error", "tags": map[string]string{"region": e.region},
		"exception": map[string]any{"values": []any{map[string]any{"type": "ValueError", "value": e.value,
			"stacktrace": map[string]any{"frames": []any{map[string]any{"abs_path": "/srv/app/x.py", "filename": "x.py", "function": e.fn, "context_line": e.fn + "()", "lineno": 3}}}}}},
	})
	return raw
}

// seed stores events as the edge and the consumer would, grouped by rules.
func seed(t testing.TB, s *queries.Store, project uint32, rules grouping.Rules, events ...one) {
	t.Helper()
	g, err := grouping.New(rules)
	require.NoError(t, err)
	batch, err := s.Conn().PrepareBatch(t.Context(), `INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, main_hash, event_id, weight, protocol, type, level,
		platform, environment, release, title, exception_type, exception_value, user_hash, tags, payload)`)
	require.NoError(t, err)
	now := time.Now().UTC()
	k := 0
	for _, e := range events {
		for range max(1, e.n) {
			k++
			doc := document(e)
			in, err := payload.FromPayload(doc)
			require.NoError(t, err)
			r := g.Group(in)
			weight := uint32(1)
			if e.weight > 0 {
				weight = uint32(e.weight)
				if weight > 1 {
					doc = nil
				}
			} else if e.weight < 0 {
				weight = 0
			}
			ts, user, release := now.Add(-time.Duration(k%72)*time.Hour), uint64(k%5+1), "shop@1.0.0"
			if e.age > 0 {
				ts = now.Add(-e.age)
			}
			if e.user > 0 {
				user = e.user
			}
			if e.release != "" {
				release = e.release
			}
			require.NoError(t, batch.Append(project, ts, ts, r.Hashes[0], r.Hashes, r.MainHash, fmt.Sprintf("%08x-0000-4000-8000-%012x", project, k), weight, "sentry", "error", "error",
				"python", "production", release, r.Title, r.Type, r.Value, user, map[string]string{"region": e.region}, string(doc)))
		}
	}
	require.NoError(t, batch.Send())
}

// look is what people see of a project: events by issue, and the sums of every
// table that holds a total.
func look(t testing.TB, s *queries.Store, project uint32) (issues map[string]uint64, totals []uint64) {
	t.Helper()
	issues = eventsByIssue(t, s, project)
	for _, q := range []string{
		"SELECT toUInt64(sum(weight)) FROM events WHERE project_id = ?", "SELECT count() FROM events WHERE project_id = ?",
		"SELECT sum(events) FROM issue_rollup WHERE project_id = ?", "SELECT sum(events) FROM issue_hour WHERE project_id = ?",
		"SELECT sum(events) FROM issue_day WHERE project_id = ?", "SELECT sum(events) FROM issue_release WHERE project_id = ?",
		"SELECT sum(events) FROM release_rollup WHERE project_id = ?", "SELECT sum(events) FROM issue_tag WHERE project_id = ?",
		"SELECT sum(events) FROM issues WHERE project_id = ?", "SELECT sum(events) FROM issue_trend WHERE project_id = ?",
	} {
		var n uint64
		require.NoError(t, s.Conn().QueryRow(t.Context(), q, project).Scan(&n), q)
		totals = append(totals, n)
	}
	// Where it is stored, and how much of it, follows the events of each issue.
	r, err := s.SQL(t.Context(), fmt.Sprintf(`SELECT count() FROM (
		SELECT fingerprint, sum(e), sum(r), sum(b) FROM (
			SELECT fingerprint, toInt64(weight) AS e, 1 AS r, toInt64(payload_bytes) AS b FROM events WHERE project_id = %[1]d
			UNION ALL SELECT fingerprint, -toInt64(events), -toInt64(stored), -toInt64(bytes) FROM stored_size WHERE project_id = %[1]d AND kind = 'issue')
		GROUP BY fingerprint HAVING sum(e) != 0 OR sum(r) != 0 OR sum(b) != 0)`, project))
	require.NoError(t, err)
	require.Equal(t, uint64(0), r.Rows[0][0], "stored_size has other fingerprints than events")
	// Which tags an issue has follows too.
	r, err = s.SQL(t.Context(), fmt.Sprintf(`SELECT count() FROM (
		SELECT fingerprint, tag, day, sum(side) AS sides FROM (
			SELECT fingerprint, cityHash64(CAST(key, 'String'), value) AS tag, day, 1 AS side FROM issue_tag WHERE project_id = %[1]d GROUP BY fingerprint, tag, day HAVING sum(events) > 0
			UNION ALL SELECT DISTINCT fingerprint, tag, month + bit AS day, 2 AS side FROM tag_issue ARRAY JOIN bitPositionsToArray(days) AS bit WHERE project_id = %[1]d)
		GROUP BY fingerprint, tag, day HAVING sides != 3)`, project))
	require.NoError(t, err)
	require.Equal(t, uint64(0), r.Rows[0][0], "tag_issue has other fingerprints than issue_tag")
	return issues, totals
}

// eventsByIssue are the events of each issue.
func eventsByIssue(t testing.TB, s *queries.Store, project uint32) map[string]uint64 {
	t.Helper()
	require.NoError(t, s.Conn().Exec(t.Context(), "SYSTEM RELOAD DICTIONARY errata.issue_of"))
	rows, err := s.Conn().Query(t.Context(), "SELECT issue, events FROM issues WHERE project_id = ? AND events > 0", project)
	require.NoError(t, err)
	defer rows.Close()
	issues := map[string]uint64{}
	for rows.Next() {
		var issue string
		var n uint64
		require.NoError(t, rows.Scan(&issue, &n))
		issues[issue] = n
	}
	require.NoError(t, rows.Err())
	return issues
}

func TestMergeAndUndo(t *testing.T) {
	t.Parallel()
	s := store(t)
	p := project(t, s)
	seed(t, s, p, grouping.Rules{}, one{fn: "charge", n: 30}, one{fn: "refund", n: 20}, one{fn: "refund", weight: 50}, one{fn: "ship", n: 10}, one{fn: "charge", weight: -1, n: 3})
	before, totals := look(t, s, p)
	require.Len(t, before, 3)

	rules := grouping.SplitRules("type:ValueError function:{charge,refund} -> payments\n")
	o := Options{Project: p, Rules: rules, Since: 30 * 24 * time.Hour}
	r, err := Plan(t.Context(), s, o)
	require.NoError(t, err)
	require.Equal(t, uint64(61), r.Events)
	require.Equal(t, uint64(110), r.Occurrences)
	require.Len(t, r.Merges, 1)
	require.Empty(t, r.Splits)
	require.Equal(t, uint64(1), r.Kept)
	same, after := look(t, s, p)
	require.Equal(t, before, same, "a dry run changes nothing")
	require.Equal(t, totals, after)

	require.NoError(t, Apply(t.Context(), s, r, "ann"))
	joined, after := look(t, s, p)
	require.Equal(t, totals, after)
	require.Len(t, joined, 2)
	require.Equal(t, uint64(100), joined[r.Merges[0].Into])

	// Events to come land in the survivor.
	seed(t, s, p, rules, one{fn: "charge", n: 4})
	joined, _ = look(t, s, p)
	require.Len(t, joined, 2)
	require.Equal(t, uint64(104), joined[r.Merges[0].Into])

	// Running it again finds nothing to do.
	again, err := Plan(t.Context(), s, o)
	require.NoError(t, err)
	require.Empty(t, again.Merges)
	require.Empty(t, again.Splits)

	_, totals = look(t, s, p)
	id, err := Undo(t.Context(), s, p, "", "ann")
	require.NoError(t, err)
	require.Equal(t, r.Run, id)
	undone, after := look(t, s, p)
	require.Equal(t, totals, after)
	before[r.Merges[0].Into] += 4 // What came in between stays where it came.
	require.Equal(t, before, undone)
	q, err := projects.BySlug(t.Context(), s.Conn(), fmt.Sprint(p))
	require.NoError(t, err)
	require.JSONEq(t, `{"flood":{"per_minute":7}}`, q.Settings, "other settings stay")
	_, err = Undo(t.Context(), s, p, "", "ann")
	require.ErrorIs(t, err, ErrNothingToUndo)
}

func TestSplitAndUndo(t *testing.T) {
	t.Parallel()
	s := store(t)
	p := project(t, s)
	other := project(t, s)
	seed(t, s, other, grouping.Rules{}, one{fn: "charge", region: "eu", n: 5})
	seed(t, s, p, grouping.Rules{}, one{fn: "charge", region: "eu", n: 60}, one{fn: "charge", region: "us", n: 25}, one{fn: "charge", region: "asia", n: 10},
		one{fn: "charge", weight: 40}, one{fn: "refund", region: "us", n: 7})
	before, totals := look(t, s, p)
	require.Len(t, before, 2)
	rules := grouping.SplitRules("type:ValueError -> {{ function }} {{ tags.region }}\n")
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules})
	require.NoError(t, err)
	require.Empty(t, r.Merges)
	require.Len(t, r.Splits, 1)
	require.Len(t, r.Splits[0].Parts, 3)
	require.Equal(t, uint64(100), r.Splits[0].Parts[0].Occurrences, "rows without a payload stay with most of their issue")
	require.NoError(t, Apply(t.Context(), s, r, "ann"))
	issues, after := look(t, s, p)
	require.Equal(t, totals, after)
	want := map[string]uint64{}
	maps.Copy(want, before)
	want[r.Splits[0].Issue] = 100
	for _, part := range r.Splits[0].Parts[1:] {
		want[part.Issue] = part.Occurrences
	}
	require.Equal(t, want, issues)

	// The moved events are found in their issue, and the trend has them.
	for _, part := range r.Splits[0].Parts[1:] {
		for _, q := range []string{"SELECT toUInt64(sum(weight)) FROM events WHERE project_id = ? AND issue = ?", "SELECT sum(events) FROM issue_trend WHERE project_id = ? AND issue = ?"} {
			var n uint64
			require.NoError(t, s.Conn().QueryRow(t.Context(), q, p, part.Issue).Scan(&n))
			require.Equal(t, part.Occurrences, n, q)
		}
	}
	// A new event of each part lands where its history is.
	seed(t, s, p, rules, one{fn: "charge", region: "us", n: 3}, one{fn: "charge", region: "eu", n: 2})
	issues, _ = look(t, s, p)
	require.Len(t, issues, 4)
	again, err := Plan(t.Context(), s, Options{Project: p, Rules: rules})
	require.NoError(t, err)
	require.Empty(t, again.Merges)
	require.Empty(t, again.Splits)

	_, totals = look(t, s, p)
	_, err = Undo(t.Context(), s, p, r.Run, "ann")
	require.NoError(t, err)
	issues, after = look(t, s, p)
	require.Equal(t, totals, after)
	require.Equal(t, before[r.Splits[0].Issue]+2, issues[r.Splits[0].Issue], "what came in between stays where it came")
	untouched, _ := look(t, s, other)
	require.Len(t, untouched, 1)
	var left uint64
	require.NoError(t, s.Conn().QueryRow(t.Context(), "SELECT count() FROM system.tables WHERE name = ?", "regroup_"+strings.ReplaceAll(r.Run, "-", "")).Scan(&left))
	require.Zero(t, left)
}

// TestMoveThatDiesIsFinished repeats every prefix of a move's steps.
func TestMoveThatDiesIsFinished(t *testing.T) {
	t.Parallel()
	s := store(t)
	for steps := range 6 {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			p := project(t, s)
			seed(t, s, p, grouping.Rules{}, one{fn: "charge", region: "eu", n: 60}, one{fn: "charge", region: "us", n: 25})
			before, totals := look(t, s, p)
			rules := grouping.SplitRules("type:ValueError -> {{ function }} {{ tags.region }}\n")
			r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules})
			require.NoError(t, err)
			id, err := newRun()
			require.NoError(t, err)
			require.NoError(t, mark(t.Context(), s, r, id))
			rec := record{Version: r.Version, After: stored(rules.Compact()), Moves: len(r.decision.Moves)}
			require.NoError(t, log(t.Context(), s, p, "ann", id, rec, r.decision.Merges, r.decision.Known))
			m := &mover{s: s, project: p, run: id, from: "origin", to: "target", stage: "regroup_" + strings.ReplaceAll(id.String(), "-", "")}
			for _, step := range []func(context.Context) error{m.copy, m.count, m.swap, m.restate, m.clean}[:steps] {
				require.NoError(t, step(t.Context()))
			}
			finished, err := finish(t.Context(), s, p, "ann")
			require.NoError(t, err)
			require.True(t, finished)
			issues, after := look(t, s, p)
			require.Equal(t, totals, after)
			require.Len(t, issues, 2)
			_, err = Undo(t.Context(), s, p, "", "ann")
			require.NoError(t, err)
			issues, after = look(t, s, p)
			require.Equal(t, totals, after)
			require.Equal(t, before, issues)
		})
	}
}

func TestStoppedRunIsTakenUp(t *testing.T) {
	t.Parallel()
	s := store(t)
	p := project(t, s)
	seed(t, s, p, grouping.Rules{}, one{fn: "charge", n: 100}, one{fn: "refund", n: 44})
	rules := grouping.SplitRules("type:ValueError -> all\n")
	state := filepath.Join(t.TempDir(), "x", "state.json")
	ctx, cancel := context.WithCancel(t.Context())
	var seen []uint64
	_, err := Plan(ctx, s, Options{Project: p, Rules: rules, State: state, Each: func(pr Progress) {
		seen = append(seen, pr.Done)
		cancel()
	}})
	require.ErrorContains(t, err, "takes it up again")
	require.Len(t, seen, 1)
	first := true
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules, State: state, Each: func(pr Progress) {
		if first {
			require.Greater(t, pr.Done, seen[0], "what was done is not done again")
			first = false
		}
	}})
	require.NoError(t, err)
	require.Equal(t, uint64(144), r.Events)
	require.Len(t, r.Merges, 1)
	require.NoError(t, Forget(state))
}

// An id that is stored twice, since it came again beyond the reach of the duplicate
// window, moves as the two rows that it is.
func TestRepeatedIDsMoveAsTheyAre(t *testing.T) {
	t.Parallel()
	s := store(t)
	p := project(t, s)
	seed(t, s, p, grouping.Rules{}, one{fn: "charge", region: "eu", n: 30}, one{fn: "charge", region: "us", n: 12})
	require.NoError(t, s.Conn().Exec(t.Context(), "INSERT INTO events SELECT * FROM events WHERE project_id = ? AND tags['region'] = 'us' ORDER BY event_id LIMIT 5", p))
	before, totals := look(t, s, p)
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: grouping.SplitRules("type:ValueError -> {{ function }} {{ tags.region }}\n")})
	require.NoError(t, err)
	require.NoError(t, Apply(t.Context(), s, r, "ann"))
	parts, after := look(t, s, p)
	require.Equal(t, totals, after)
	require.Len(t, parts, 2)
	_, err = Undo(t.Context(), s, p, "", "ann")
	require.NoError(t, err)
	again, after := look(t, s, p)
	require.Equal(t, totals, after)
	require.Equal(t, before, again)
}
