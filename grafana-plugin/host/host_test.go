package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
)

// TestHost drives every editor, the panel and the pages under React 18 with
// Grafana 13.1.1 and React 19 with 13.2.2, in both themes.
func TestHost(t *testing.T) {
	if os.Getenv("ERRATA_HOST") == "" {
		t.Skip("set ERRATA_HOST=1 (make plugin-test)")
	}
	binary := os.Getenv("ERRATA_BINARY")
	require.NotEmpty(t, binary, "ERRATA_BINARY must name the built program")
	dist, err := filepath.Abs("../dist")
	require.NoError(t, err)
	gpx := filepath.Join(dist, "datasource", "gpx_errata_"+runtime.GOOS+"_"+runtime.GOARCH)
	require.FileExists(t, gpx, "make plugin builds it")

	s, other := start(t, binary), start(t, binary)
	s.ready(t)
	other.ready(t)
	// The same error in both stores: an issue of the same id in each.
	other.crash(t, 0, "shop@1.1.0", "card declined")
	s.odd(t)
	s.large(t)
	for n := range 12 {
		s.crash(t, n, fmt.Sprintf("shop@1.%d.0", (11-n)/6), "card declined")
	}
	s.captures(t, "both-dsn", "py-handled-payments", "py-breadcrumbs", "otel-nested", "otel-logs", "both-linked")
	waitFor(t, s)
	go s.keepLogging(t.Context())

	p := startProgram(t, gpx, s.source(t, 1, "errata", "Errata"), other.source(t, 2, "second", "Second store"))
	for _, uid := range []string{"errata", "second"} {
		h, err := p.health(t.Context(), uid)
		require.NoError(t, err)
		require.Contains(t, h.GetMessage(), "Triage is on.")
	}

	page, err := filepath.Abs(".")
	require.NoError(t, err)
	address := serve(t, p, dist, page)
	s.history(t, address)
	// For work on the cases: all stays up until the file that names its address is gone.
	if hold := os.Getenv("ERRATA_HOST_HOLD"); hold != "" {
		require.NoError(t, os.WriteFile(hold, []byte(address), 0o600))
		for _, err := os.Stat(hold); err == nil; _, err = os.Stat(hold) {
			time.Sleep(time.Second)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), "node", "run.mjs", address, filepath.Join(dist, "img"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	require.NoError(t, cmd.Run())

	// What the pages clicked is in the log, signed.
	owner, err := queries.Open(t.Context(), queries.Config{Addr: s.ClickHouse, User: "errata", Password: s.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	r, err := owner.SQL(t.Context(), "SELECT DISTINCT actor FROM issue_actions")
	require.NoError(t, err)
	require.Equal(t, "[[editor@example.com]]", fmt.Sprint(r.Rows))
}

// waitFor waits until all that was accepted has a fate.
func waitFor(t *testing.T, s *store) {
	t.Helper()
	reader, err := queries.Open(t.Context(), queries.Config{Addr: s.ClickHouse, User: "reader", Password: s.Passwords["reader"]})
	require.NoError(t, err)
	defer reader.Close()
	require.Eventually(t, func() bool {
		events, err := reader.SQL(t.Context(), "SELECT count() FROM events WHERE exception_type = 'PaymentError'")
		if err != nil || events.Rows[0][0].(uint64) < 12 {
			return false
		}
		r, err := reader.Run(t.Context(), "ledger_balance", map[string]string{})
		return err == nil && len(r.Rows) == 0
	}, 60*time.Second, 500*time.Millisecond)
}
