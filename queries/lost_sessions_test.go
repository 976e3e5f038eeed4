package queries_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A session whose beginning was lost counts where it crashed and not where it began:
// no share of sessions is outside of 0 to 1 for that.
func TestSharesOfSessionsWithoutABeginning(t *testing.T) {
	owner := store(t, "errata")
	project := newProject()
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(
		"INSERT INTO sessions (project_id, started, ts, received_at, session_id, init, status, release, user_hash) SELECT %d, now64(3) - 60, now64(3), now64(3), generateUUIDv4(), number = 0, if(number = 0, 'ok', 'crashed'), 'a@1', number FROM numbers(3)", project)))
	for _, c := range []struct {
		query, column string
		want          float64
		pairs         []string
	}{
		{"sessions", "crash_free_sessions", 0, nil}, {"releases", "crash_free_sessions", 0, nil}, {"crash_free", "crash_free", 0, []string{"min_sessions", "1"}},
		{"release_trend", "crash_free", 0, nil}, {"release_compare", "crash_free", 0, []string{"min_sessions", "0", "min_events", "0"}}, {"project_releases", "crash_free_sessions", 0, nil},
		{"releases", "crash_free_users", 0, nil},
	} {
		values := map[string]string{}
		switch c.query {
		case "crash_free", "release_trend", "project_releases":
			values["projects"] = text(project)
		default:
			values["project"] = text(project)
		}
		for i := 0; i < len(c.pairs); i += 2 {
			values[c.pairs[i]] = c.pairs[i+1]
		}
		r, err := owner.Run(t.Context(), c.query, values)
		require.NoError(t, err, c.query)
		require.Len(t, r.Rows, 1, c.query)
		got := r.Column(c.column)[0]
		if p, ok := got.(*float64); ok {
			require.NotNil(t, p, c.query)
			got = *p
		}
		require.InDelta(t, c.want, got, 1e-9, c.query)
	}
	r, err := owner.SQL(t.Context(), fmt.Sprintf("SELECT crash_free_sessions >= 0 FROM releases WHERE project_id = %d", project))
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Rows[0][0])
}
