package plugin_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// TestLoad times what panels ask of many events: ERRATA_PLUGIN_EVENTS=5000000.
// It prints figures; it fails only where a query fails.
func TestLoad(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ERRATA_PLUGIN_EVENTS"))
	if err != nil || n == 0 {
		t.Skip("set ERRATA_PLUGIN_EVENTS to a number of events")
	}
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	const step = 50_000 // As the consumer writes: the memory of one insert is bounded.
	for from := 0; from < n; from += step {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, platform, service, environment, release, title, culprit,
			message, exception_type, user_hash, trace_id, tags, payload, payload_bytes)
			SELECT 1, now64(3) - toIntervalMillisecond(number * %d), now64(3), cityHash64(f) AS fp, [fp], generateUUIDv4(), 1, 'sentry', 'error', 'error', 'python', concat('service-', toString(number %% 10)),
				['production', 'staging'][number %% 2 + 1], concat('shop@1.', toString(number %% 20), '.0'), concat('Error', toString(f), ': failed'), 'shop.views in pay', 'failed to pay', concat('Error', toString(f)), number %% 10000 + 1,
				lower(hex(MD5(toString(intDiv(number, 3))))), map('plan', ['pro', 'free'][number %% 2 + 1], 'region', toString(number %% 50)), '{"platform":"python"}', 2000
			FROM (SELECT number, toUInt32(pow(cityHash64(number) %% 10000 / 10000, 3) * 2000) AS f FROM numbers(%d, %d))`, 7*24*3600*1000/n+1, from, step)))
	}
	for _, span := range []time.Duration{24 * time.Hour, 7 * 24 * time.Hour} {
		for _, m := range modes {
			if m.name == "trace" {
				continue
			}
			var took []time.Duration
			for range 8 {
				q := query("A", m.body)
				q.TimeRange = backend.TimeRange{From: time.Now().Add(-span), To: time.Now()}
				q.Interval = span / 100
				start := time.Now()
				r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
				took = append(took, time.Since(start))
				require.NoError(t, err)
				require.NoError(t, r.Responses["A"].Error)
			}
			slices.Sort(took)
			t.Logf("%-8s %-18s p50 %4d ms, slowest of 8 %4d ms", span, m.name, took[4].Milliseconds(), took[7].Milliseconds())
		}
	}
}
