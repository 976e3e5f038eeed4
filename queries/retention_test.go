package queries_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
)

// Retention from end to end: what is dropped is what the class says that the
// rows came in with, of one project and not of another, and no rollup is then
// taken for wrong.
func TestRetentionOfProjects(t *testing.T) {
	owner := storeIn(t, "retained")
	for _, table := range []string{"events", "spans"} {
		require.NoError(t, owner.Conn().Exec(t.Context(), "SYSTEM STOP TTL MERGES retained."+table))
	}
	project := func(slug string, days uint32) uint32 {
		p, err := projects.Create(t.Context(), owner.Conn(), schema.Project{Slug: slug, RetentionDays: days})
		require.NoError(t, err)
		return p.ID
	}
	short, long, lowered, gone, traces := project("short", 7), project("long", 90), project("lowered", 7), project("gone", 7), project("traces", 7)
	insert := func(project uint32, class, age, n int) {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, retention_days, release, trace_id)
			SELECT %d, now64(3) - toIntervalDay(%d) AS at, at, number + 1, generateUUIDv4(), %d, 'a@1.0.0', leftPad(hex(number), 32, '0') FROM numbers(%d)`, project, age, class, n)))
	}
	insert(short, 7, 30, 3)
	insert(short, 7, 1, 2)
	insert(short, 30, 1, 4) // Raised meanwhile: new rows are of the new class, older ones stay as they are.
	insert(long, 90, 30, 5)
	insert(lowered, 90, 60, 2) // Lowered: the oldest rows are the ones that stay longest.
	insert(lowered, 7, 30, 6)
	insert(gone, 7, 30, 7)
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf("INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, is_segment, retention_days) SELECT %d, now64(6) - toIntervalDay(30), 'ff', 'aa', 'shop', 'GET /', true, 7 FROM numbers(8)", traces)))
	dropped, err := queries.DropExpired(t.Context(), owner.Conn())
	require.NoError(t, err)
	rowsOf := map[string]uint64{}
	for _, row := range rows(dropped) {
		rowsOf[text(row["table"])] += row["rows"].(uint64)
	}
	require.Equal(t, map[string]uint64{"events": 16, "spans": 8}, rowsOf)
	for _, c := range []struct {
		name    string
		project uint32
		left    uint64
		verdict string // Of issue_rollup; of all others it is that or ok.
	}{
		{"old rows are gone, new ones of both classes stay", short, 6, "expired"},
		{"another project keeps all", long, 5, "ok"},
		{"a lowered retention", lowered, 2, "expired"},
		{"nothing is left", gone, 0, "expired"},
		{"spans only", traces, 0, ""},
	} {
		r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT count() FROM events WHERE project_id = %d", c.project))
		require.NoError(t, err)
		require.Equal(t, c.left, r.Rows[0][0], c.name)
		got := verdicts(t, owner, c.project)
		require.Equal(t, c.verdict, got["issue_rollup events"], c.name)
		for what, verdict := range got {
			require.NotEqual(t, "differs", verdict, "%s: %s", c.name, what)
		}
	}
	// What is counted twice is found all the same where nothing is old enough to be gone.
	insert(long, 90, 1, 1)
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf("INSERT INTO issue_rollup (project_id, fingerprint, first_seen, events) VALUES (%d, 1, now64(3), 1)", long)))
	require.Equal(t, "differs", verdicts(t, owner, long)["issue_rollup events"])
}
