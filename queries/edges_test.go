package queries_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Reports of one millisecond are more than the page holds: those that it shows are
// those whose events were looked for.
func TestFeedbackOfOneMoment(t *testing.T) {
	owner := store(t, "errata")
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, first := range []int{0, 4, 8} { // Where the report that is shown stands among the others.
		project, id := newProject(), uuid.NewString()
		seed(t, owner, event{project: project, fingerprint: 7, id: id, ts: now})
		require.NoError(t, owner.Conn().Exec(t.Context(), `INSERT INTO feedback (project_id, ts, message, feedback_id, event_id)
			SELECT ?, fromUnixTimestamp64Milli(?), toString(number), if(number = ?, toUUID('00000000-0000-0000-0000-000000000001'), generateUUIDv4()), if(number = ?, toUUID(?), generateUUIDv4(1)) FROM numbers(9)`,
			project, now.UnixMilli(), first, first, id))
		require.Equal(t, []string{text(first) + " | " + issueHex(7)}, ask(t, owner, project, "feedback", "message issue", "limit", "1"))
	}
}

// A duration that no span has is none that went around to a small one.
func TestNoSpanIsSoLong(t *testing.T) {
	owner, project := store(t, "errata"), newProject()
	require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO spans (project_id, ts, trace_id, span_id, is_segment, name, service, duration_us) SELECT ?, now64(6) - toIntervalSecond(1), leftPad(toString(number + 1), 32, '0'), '00000000000000a1', true, 'GET /', 'shop', 1999 + number FROM numbers(2)", project))
	for least, want := range map[string]int{"0": 2, "1": 2, "2": 1, "3": 0, "18446744073709552": 0, "18446744073709551615": 0} {
		require.Len(t, ask(t, owner, project, "trace_search", "name", "min_duration_ms", least), want, least)
	}
}

// Values of a window are those of its days, services that only have spans too: an
// hour that began before the window is not left out.
func TestValuesOfAMinute(t *testing.T) {
	owner, project := store(t, "errata"), newProject()
	require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO spans (project_id, ts, trace_id, span_id, is_segment, name, service, environment, duration_us) SELECT ?, now64(6), leftPad('7', 32, '0'), '00000000000000a1', true, 'GET /', 'shop', 'production', 1000", project))
	for _, key := range []string{"service", "environment"} {
		require.Equal(t, []string{map[string]string{"service": "shop", "environment": "production"}[key]}, askAny(t, owner, "option_values", "value", "projects", text(project), "key", key, "from", "-1s"), key)
	}
}
