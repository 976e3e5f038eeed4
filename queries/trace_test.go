package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A trace is put together of three tables: by time, at one time spans before
// logs before errors, the longest span first, which is around the others, and spans of one length by their ids; a limit leaves out the last ones
// of all three.
func TestTraceIsInOrder(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "trace_in_order")
	now := time.Now().UTC().Truncate(time.Hour)
	trace := fmt.Sprintf("%032x", 77)
	seed(t, owner, event{project: 1, fingerprint: 5, ts: now, id: uuid.NewString(), weight: 1, title: "ValueError: at once", trace: trace, tags: map[string]string{}},
		event{project: 2, fingerprint: 5, ts: now.Add(2 * time.Second), id: uuid.NewString(), weight: 1, title: "ValueError: of another project", trace: trace, tags: map[string]string{}})
	at := now.Format("'2006-01-02 15:04:05'")
	for _, sql := range []string{
		"INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, duration_us) SELECT 1, toDateTime64(" + at + ", 6, 'UTC') + number, '" + trace + "', ['b', 'a', 'c'][number % 3 + 1], 'shop', concat('span ', toString(number)), 1 FROM numbers(3)",
		"INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, duration_us) SELECT 1, toDateTime64(" + at + ", 6, 'UTC'), '" + trace + "', 'a', 'shop', 'first by its id', 1",
		"INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, duration_us) SELECT 1, toDateTime64(" + at + ", 6, 'UTC'), '" + trace + "', 'z', 'shop', 'around them', 5",
		"INSERT INTO logs (project_id, ts, trace_id, service, body) SELECT 1, toDateTime64(" + at + ", 6, 'UTC') + number, '" + trace + "', 'shop', concat('log ', toString(number)) FROM numbers(2)",
	} {
		require.NoError(t, owner.Conn().Exec(t.Context(), sql))
	}
	all := []string{"span around them", "span first by its id", "span span 0", "log log 0", "error ValueError: at once", "span span 1", "log log 1", "span span 2", "error ValueError: of another project"}
	for name, c := range map[string]struct {
		project, limit, trace string
		want                  []string
	}{
		"all":         {"0", "100", trace, all},
		"a project":   {"1", "100", trace, all[:8]},
		"another one": {"2", "100", trace, all[8:]},
		"limited":     {"0", "3", trace, all[:3]},
		"none":        {"0", "100", fmt.Sprintf("%032x", 78), nil},
		"of nobody":   {"3", "100", trace, nil},
	} {
		r, err := owner.Run(t.Context(), "trace", map[string]string{"project": c.project, "limit": c.limit, "trace_id": c.trace})
		require.NoError(t, err)
		var got []string
		for _, row := range rows(r) {
			got = append(got, fmt.Sprint(row["kind"], " ", row["name"]))
		}
		require.Equal(t, c.want, got, name)
		require.Len(t, r.Columns, 14)
	}
}

// A project may keep more than the 90 days that trace_index does.
func TestATraceOlderThanItsIndex(t *testing.T) {
	owner := store(t, "errata")
	project, trace := newProject(), fmt.Sprintf("%032x", 79)
	at := time.Now().UTC().AddDate(0, 0, -200).Truncate(time.Second)
	for _, sql := range []string{
		"INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, weight, title, trace_id, payload, retention_days) VALUES (?, ?, now64(3), 5, generateUUIDv4(), 1, 'ValueError: long ago', ?, '{}', 400)",
		"INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, duration_us, retention_days) SELECT ?, ?, ?, 'a', 'shop', 'long ago', 1, 400",
		"INSERT INTO logs (project_id, ts, trace_id, service, body, retention_days) SELECT ?, ?, ?, 'shop', 'long ago', 400",
	} {
		require.NoError(t, owner.Conn().Exec(t.Context(), sql, project, at, trace))
	}
	// As it is when its rows have expired.
	require.NoError(t, owner.Conn().Exec(t.Context(), "DELETE FROM trace_index WHERE trace_id = ? SETTINGS mutations_sync = 2", trace))
	require.Equal(t, []string{"span | long ago", "log | long ago", "error | ValueError: long ago"}, ask(t, owner, project, "trace", "kind name", "trace_id", trace))
	require.Equal(t, []string{"long ago"}, askAny(t, owner, "trace_spans", "name", "projects", text(project), "trace_id", trace))
	require.Empty(t, ask(t, owner, project+100_000, "trace", "kind", "trace_id", trace))
}
