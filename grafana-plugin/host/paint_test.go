package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/made"
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
	_, err = made.Fill(t.Context(), owner, n, 14*24*time.Hour)
	require.NoError(t, err)

	dist, err := filepath.Abs("../dist")
	require.NoError(t, err)
	p := startProgram(t, filepath.Join(dist, "datasource", "gpx_errata_"+runtime.GOOS+"_"+runtime.GOARCH), s.source(t, 1, "errata", "Errata"))
	page, err := filepath.Abs(".")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "node", "paint.mjs", serve(t, p, dist, page)).CombinedOutput()
	t.Logf("%d events\n%s", n, out)
	require.NoError(t, err)
}
