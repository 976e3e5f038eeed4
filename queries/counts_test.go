package queries_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
)

// verdicts of check_counts for one project, as "rollup measure": verdict.
func verdicts(t *testing.T, s *queries.Store, project uint32) map[string]string {
	t.Helper()
	r, err := s.Run(t.Context(), "check_counts", map[string]string{"project": text(project)})
	require.NoError(t, err)
	out := map[string]string{}
	for _, row := range rows(r) {
		out[text(row["rollup"])+" "+text(row["measure"])] = text(row["verdict"])
	}
	return out
}

// Twins, flood rows, several releases, users and traces: all rollups agree
// with the raw rows, and each deliberate damage is found.
func TestCheckCounts(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for range 5 {
		var block []event
		for range 200 {
			e := event{project: project, fingerprint: uint64(random.IntN(7) + 1), id: uuid.NewString(), ts: time.Now().Add(-time.Duration(random.IntN(72)) * time.Hour),
				release: []string{"", "a@1.0.0", "a@1.1.0"}[random.IntN(3)], user: uint64(random.IntN(300)), environment: []string{"production", "staging"}[random.IntN(2)],
				trace: []string{"", fmt.Sprintf("%032x", random.IntN(50)+1)}[random.IntN(2)], tags: map[string]string{"plan": "pro"}}
			switch random.IntN(4) {
			case 0:
				e.weight, e.protocol = -1, "otlp"
			case 1:
				e.weight, e.users = 17, []uint64{5001, 5002, uint64(random.IntN(300))}
				total += 17
			default:
				total++
			}
			block = append(block, e)
		}
		seed(t, owner, block...)
	}
	got := verdicts(t, owner, project)
	require.Len(t, got, 24)
	for what, verdict := range got {
		require.Equal(t, "ok", verdict, what)
	}
	r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT sum(weight), (SELECT sum(events) FROM issues WHERE project_id = %d), (SELECT sum(events) FROM issue_trend WHERE project_id = %d) FROM events WHERE project_id = %d", project, project, project))
	require.NoError(t, err)
	require.Equal(t, []any{uint64(total), uint64(total), uint64(total)}, r.Rows[0])

	for _, c := range []struct{ damage, what string }{
		{"INSERT INTO issue_rollup (project_id, fingerprint, first_seen, events) VALUES (%d, 1, now64(3), 1)", "issue_rollup events"},
		{"INSERT INTO issue_hour (project_id, hour, fingerprint, events) VALUES (%d, now(), 1, 1)", "issue_hour events"},
		{"INSERT INTO project_minute (project_id, minute, events) VALUES (%d, now(), 1)", "project_minute events"},
		{"INSERT INTO release_rollup (project_id, release, events) VALUES (%d, 'a@1.0.0', 1)", "release_rollup events"},
		{"INSERT INTO issue_tag (project_id, fingerprint, key, day, value, events) VALUES (%d, 1, 'level', today(), 'error', 1)", "issue_tag events"},
		{"INSERT INTO tag_trend (project_id, slot, events) VALUES (%d, now(), 1)", "tag_trend events"},
		{"INSERT INTO received_delay (project_id, slot, stored) VALUES (%d, now(), 1)", "received_delay rows"},
		{"INSERT INTO trace_index (trace_id, project_id, day, errors) VALUES ('ff', %d, today(), 1)", "trace_index errors"},
	} {
		require.Equal(t, "ok", verdicts(t, owner, project)[c.what])
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(c.damage, project)))
		require.Equal(t, "differs", verdicts(t, owner, project)[c.what], c.what)
	}
}

// The same block sent again under its token counts once, in the table and in
// every view, the cascaded ones too.
func TestTokenCountsOnce(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	block := []event{}
	for i := range 500 {
		block = append(block, event{project: project, fingerprint: uint64(i%9 + 1), id: uuid.NewString(), ts: time.Now().Add(-time.Duration(i) * time.Hour), release: "a@1.0.0", trace: fmt.Sprintf("%032x", i), user: uint64(i + 1), tags: map[string]string{"plan": "pro"}})
	}
	for range 3 {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": fmt.Sprintf("events-0-%d", project), "async_insert": 0}))
		seed(contextual{t, ctx}, owner, block...)
	}
	for what, verdict := range verdicts(t, owner, project) {
		require.Equal(t, "ok", verdict, what)
	}
	r, err := owner.SQL(t.Context(), "SELECT sum(events), sum(users) >= 480 FROM issues WHERE project_id = "+text(project))
	require.NoError(t, err)
	require.Equal(t, []any{uint64(500), uint8(1)}, r.Rows[0])
}

// contextual is a test whose context carries settings.
type contextual struct {
	*testing.T
	ctx context.Context
}

// Context hides that of the test.
func (c contextual) Context() context.Context { return c.ctx }

// What a twin or a flood row does and does not change.
func TestTwinsAndFloods(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	first := time.Now().Add(-time.Hour).Truncate(time.Second)
	id := uuid.NewString()
	seed(t, owner,
		event{project: project, fingerprint: 1, id: id, ts: first, title: "ValueError: first", user: 1, payload: `{"a":1}`},
		event{project: project, fingerprint: 1, id: uuid.NewString(), ts: first.Add(time.Second), weight: -1, protocol: "otlp", environment: "staging", title: "ValueError: twin", user: 1},
		event{project: project, fingerprint: 1, id: uuid.NewString(), ts: first.Add(2 * time.Second), weight: 40, title: "ValueError: flood", users: []uint64{2, 3, 4}})
	r, err := owner.SQL(t.Context(), "SELECT * FROM issues WHERE project_id = "+text(project))
	require.NoError(t, err)
	require.Len(t, r.Rows, 1)
	names := []string{}
	for _, c := range r.Columns {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"project_id", "issue", "title", "culprit", "type", "level", "status", "assignee", "first_seen", "last_seen", "events", "users", "protocols", "environments",
		"first_release", "last_release", "sample_event_id", "sample_trace_id"}, names, "public columns are stable")
	got := rows(r)[0]
	require.Equal(t, uint64(41), got["events"])
	require.Equal(t, uint64(4), got["users"])
	require.Equal(t, []string{"sentry", "otlp"}, got["protocols"])
	require.Equal(t, []string{"production", "staging"}, got["environments"])
	require.Equal(t, "ValueError: first", got["title"], "of the newest counted event with a payload")
	require.Equal(t, id, text(got["sample_event_id"]))
	require.Equal(t, first.Add(2*time.Second).UTC(), got["last_seen"])
	require.Equal(t, issueHex(1), got["issue"])
}

func TestDropExpired(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	insert := func(days int, age time.Duration) {
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO sessions (project_id, started, ts, received_at, retention_days, session_id) SELECT ?, fromUnixTimestamp64Milli(?) AS started, started, started, ?, generateUUIDv4()",
			project, time.Now().Add(-age).UnixMilli(), days))
	}
	// TTL would delete expired rows as they come in or merge: stop it, so that the command has work.
	require.NoError(t, owner.Conn().Exec(t.Context(), "SYSTEM STOP TTL MERGES sessions"))
	t.Cleanup(func() { _ = owner.Conn().Exec(context.Background(), "SYSTEM START TTL MERGES sessions") })
	insert(3650, 20*24*time.Hour)
	insert(30, 20*24*time.Hour)
	insert(7, 20*24*time.Hour)
	insert(7, time.Hour)
	dropped, err := queries.DropExpired(t.Context(), owner.Conn())
	require.NoError(t, err)
	require.Len(t, dropped.Rows, 1)
	require.Equal(t, "sessions", dropped.Rows[0][0])
	r, err := owner.SQL(t.Context(), "SELECT groupArray(retention_days) FROM (SELECT retention_days FROM sessions WHERE project_id = "+text(project)+" ORDER BY retention_days)")
	require.NoError(t, err)
	require.Equal(t, []uint16{7, 30, 3650}, r.Rows[0][0])
}

func TestProjectsAndKeys(t *testing.T) {
	owner := store(t, "errata")
	slug := fmt.Sprintf("p%d", newProject())
	p, k, err := projects.Ensure(t.Context(), owner.Conn(), slug, "")
	require.NoError(t, err)
	require.NotZero(t, p.ID)
	require.Regexp(t, "^[0-9a-f]{32}$", k.Public)
	again, same, err := projects.Ensure(t.Context(), owner.Conn(), slug, "")
	require.NoError(t, err)
	require.Equal(t, []any{p.ID, k.Public}, []any{again.ID, same.Public}, "a second start changes nothing")
	fixed := "0123456789abcdef0123456789abcdef"
	_, own, err := projects.Ensure(t.Context(), owner.Conn(), slug, fixed)
	require.NoError(t, err)
	require.Equal(t, fixed, own.Public)
	require.Equal(t, fmt.Sprintf("http://%s@localhost:8000/%d", fixed, p.ID), projects.DSN("http", "localhost:8000", p.ID, fixed))

	off, err := projects.DisableKey(t.Context(), owner.Conn(), p.ID, k.Public, true)
	require.NoError(t, err)
	require.True(t, off.Disabled)
	keys, err := projects.Keys(t.Context(), owner.Conn(), p.ID)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Equal(t, []bool{true, false}, []bool{keys[0].Disabled, keys[1].Disabled})

	_, err = projects.DisableKey(t.Context(), owner.Conn(), p.ID, "ffffffffffffffffffffffffffffffff", true)
	require.ErrorIs(t, err, projects.ErrNoKey)
	p.Slug = slug
	_, err = projects.Create(t.Context(), owner.Conn(), p)
	require.ErrorIs(t, err, projects.ErrExists)
	for _, bad := range []string{"", "Shop", "a b", "12", "-a", "a;DROP"} {
		p.Slug, p.ID = bad, 0
		_, err = projects.Create(t.Context(), owner.Conn(), p)
		require.ErrorContains(t, err, "a slug is", bad)
	}
	_, err = projects.BySlug(t.Context(), owner.Conn(), "nobody")
	require.ErrorIs(t, err, projects.ErrNoProject)
}

// A number that the columns of tables cannot hold would let rows expire at once.
func TestRetentionHasBounds(t *testing.T) {
	owner := store(t, "errata")
	for days, good := range map[uint32]bool{1: true, 3650: true, 3651: false, 65_536: false, 99_999_999: false} {
		p, err := projects.Create(t.Context(), owner.Conn(), schema.Project{Slug: fmt.Sprintf("days-%d", days), RetentionDays: days})
		if good {
			require.NoError(t, err)
			p.RetentionDays = 0
			_, err = projects.Save(t.Context(), owner.Conn(), p)
		}
		require.ErrorContains(t, err, "kept for 1 to 3650 days")
	}
}

// A project that keeps events for longer than the rollups by hour keep theirs
// is no defect of the store.
func TestLongRetentionIsNoDifference(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf("INSERT INTO events (project_id, ts, fingerprint, event_id, retention_days, release, trace_id) SELECT %d, now64(3) - toIntervalDay(100), 1, generateUUIDv4(), 365, 'a@1.0.0', 'ff' FROM numbers(10)", project)))
	seed(t, owner, event{project: project, fingerprint: 1, release: "a@1.0.0", trace: "ff"})
	for _, table := range []string{"issue_hour", "project_minute", "issue_tag", "project_tag", "trace_index"} {
		require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"))
	}
	got := verdicts(t, owner, project)
	require.Equal(t, "ok", got["issue_rollup events"])
	require.Equal(t, "ok", got["issue_day events"])
	for what, verdict := range got {
		require.NotEqual(t, "differs", verdict, what)
	}
	require.Equal(t, "expired", got["issue_hour events"])
}

// A rollup by day lets a day go when it began as long ago as it keeps; an event of
// the end of that day is still there, and that is no defect either.
func TestDayThatExpiresIsNoDifference(t *testing.T) {
	owner := store(t, "errata")
	for rollup, days := range map[string]int{"issue_tag": 90, "issue_day": 400} {
		project := newProject()
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf("INSERT INTO events (project_id, ts, fingerprint, event_id, retention_days, release, trace_id) SELECT %d, toStartOfDay(now('UTC')) - toIntervalDay(%d) + toIntervalSecond(86399), 1, generateUUIDv4(), %d, 'a@1.0.0', 'ff'", project, days, days)))
		seed(t, owner, event{project: project, fingerprint: 1, release: "a@1.0.0", trace: "ff"})
		require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE "+rollup+" FINAL"))
		got := verdicts(t, owner, project)
		require.Equal(t, "ok", got["issue_rollup events"], rollup)
		require.Equal(t, "expired", got[rollup+" events"])
		for what, verdict := range got {
			require.NotEqual(t, "differs", verdict, what)
		}
	}
}

// What is wrong today is seen in a project that is older than what it keeps,
// where a surplus in all may be of events that are gone.
func TestRecentDifferencesAreNoExpiry(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	exec := func(sql string) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(sql, project)))
	}
	seed(t, owner, event{project: project, fingerprint: 1, release: "a@1.0.0"})
	// Events of long ago: their rows are gone, rollups still count them.
	exec("INSERT INTO issue_rollup (project_id, fingerprint, first_seen, last_seen, events) VALUES (%d, 1, now64(3) - INTERVAL 200 DAY, now64(3) - INTERVAL 200 DAY, 5)")
	exec("INSERT INTO issue_day (project_id, day, fingerprint, events) VALUES (%d, today() - 200, 1, 5)")
	got := verdicts(t, owner, project)
	require.Equal(t, []string{"expired", "expired", "ok", "ok"}, []string{got["issue_rollup events"], got["issue_day events"], got["issue_day recent events"], got["issue_hour recent events"]})
	exec("INSERT INTO issue_day (project_id, day, fingerprint, events) VALUES (%d, today(), 1, 1)")
	got = verdicts(t, owner, project)
	require.Equal(t, "differs", got["issue_day recent events"])
	require.Equal(t, "ok", got["issue_hour recent events"])
}
