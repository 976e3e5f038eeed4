package host

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// TestPaint times the first rows of the issue list in a browser over many
// events: ERRATA_HOST_EVENTS=5000000. It prints figures; it fails only where
// nothing is shown.
func TestPaint(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ERRATA_HOST_EVENTS"))
	if err != nil || n == 0 {
		t.Skip("set ERRATA_HOST_EVENTS to a number of events, and ERRATA_BINARY")
	}
	s := up(t, os.Getenv("ERRATA_BINARY"))
	owner, err := queries.Open(t.Context(), queries.Config{Addr: s.ClickHouse, User: "errata", Password: s.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	const step = 50_000 // As the consumer writes: the memory of one insert is bounded.
	for from := 0; from < n; from += step {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, platform, service, environment, release,
			title, culprit, message, exception_type, user_hash, trace_id, tags, payload, payload_bytes)
			SELECT 1, now64(3) - toIntervalMillisecond(number * %d), now64(3), cityHash64(f) AS fp, [fp], generateUUIDv4(), 1, 'sentry', 'error', 'error', 'python', concat('service-', toString(number %% 10)),
				['production', 'staging'][number %% 2 + 1], concat('shop@1.', toString(number %% 20), '.0'), concat('Error', toString(f), ': failed'), 'shop.views in pay', 'failed to pay', concat('Error', toString(f)), number %% 10000 + 1,
				lower(hex(MD5(toString(intDiv(number, 3))))), map('plan', ['pro', 'free'][number %% 2 + 1], 'region', toString(number %% 50)), '{"platform":"python"}', 2000
			FROM (SELECT number, toUInt32(pow(cityHash64(number) %% 10000 / 10000, 3) * 2000) AS f FROM numbers(%d, %d))`, 14*24*3600*1000/n+1, from, step)))
	}

	dist, err := filepath.Abs("../dist")
	require.NoError(t, err)
	jsonData, err := json.Marshal(map[string]any{"address": s.ClickHouse})
	require.NoError(t, err)
	p := startProgram(t, filepath.Join(dist, "datasource", "gpx_errata_"+runtime.GOOS+"_"+runtime.GOARCH), backend.DataSourceInstanceSettings{ID: 1, UID: "errata", Name: "Errata",
		Type: "errata-errors-datasource", JSONData: jsonData, Updated: time.Now(),
		DecryptedSecureJSONData: map[string]string{"password": s.Passwords["reader"], "triagePassword": s.Passwords["triage"]}})
	page, err := filepath.Abs(".")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "node", "paint.mjs", serve(t, p, dist, page)).CombinedOutput()
	t.Logf("%d events\n%s", n, out)
	require.NoError(t, err)
}
