package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestThousandErrors: an application with both SDKs fails a thousand times. The
// issue counts a thousand, whoever told of them, and every failure has both its
// witnesses: no application fails that often by itself as to be a flood.
func TestThousandErrors(t *testing.T) {
	needE2E(t)
	t.Parallel()
	python(t)
	s := up(t, t.TempDir())

	const n = 1000
	app := startApp(t, "both", "SENTRY_DSN="+s.DSN, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+s.OTLPHTTP, "SERVICE_NAME=checkout",
		"SENTRY_QUEUE=10000", "OTEL_BSP_MAX_QUEUE_SIZE=20000")
	for i := range n {
		app.get(t, fmt.Sprintf("/checkout/c-%d", i), http.StatusInternalServerError)
	}
	app.stop(t)
	s.drained(t)

	issues := s.sql(t, "SELECT * FROM errata.issues")
	require.Len(t, issues, 1)
	require.EqualValues(t, n, issues[0]["events"])
	require.ElementsMatch(t, []any{"sentry", "otlp"}, issues[0]["protocols"])
	count := func(query string) (out uint64) {
		rows := s.sql(t, "SELECT toString(count()) AS n FROM (%s)", query)
		require.Len(t, rows, 1)
		_, err := fmt.Sscan(rows[0]["n"].(string), &out)
		require.NoError(t, err)
		return out
	}
	require.EqualValues(t, n, count("SELECT 1 FROM errata.events WHERE protocol = 'sentry'"))
	// A twin of another protocol for each of them, in the same issue and trace.
	require.EqualValues(t, n, count(`SELECT trace_id FROM errata.events GROUP BY trace_id
		HAVING sum(weight) = 1 AND countIf(weight = 0) >= 1 AND uniqExact(protocol) = 2 AND uniqExact(issue) = 1`))
	require.EqualValues(t, n, count("SELECT DISTINCT twin_of FROM errata.events WHERE weight = 0 AND twin_of IN (SELECT event_id FROM errata.events WHERE weight = 1)"))
	require.Zero(t, count("SELECT 1 FROM errata.events WHERE weight > 1"))
	s.balanced(t)
}
