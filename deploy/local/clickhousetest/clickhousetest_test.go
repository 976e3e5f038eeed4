package clickhousetest_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhouse"
	"errata/deploy/local/clickhousetest"
)

// inside is set in test processes that this test starts: how they end.
const inside = "ERRATA_TEST_SHARED"

// TestSharedLeavesNothing ends test processes that have a shared server, and looks
// what they left in their temporary folder.
func TestSharedLeavesNothing(t *testing.T) {
	if os.Getenv(inside) != "" {
		t.Skip("is what runs this one")
	}
	t.Parallel()
	if testing.Short() {
		t.Skip("starts servers: not with -short")
	}
	clickhousetest.Config(t, "") // Skips where there is no engine.
	for name, end := range map[string]string{"a clean end": "end", "a killed server": "kill server", "killed tests": "kill tests", "a killed group": "kill group", "no engine": "no engine"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestShared$")
			cmd.Env = append(os.Environ(), inside+"="+end, "TMPDIR="+temp)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if end == "no engine" {
				cmd.Env = append(cmd.Env, clickhouse.LibraryEnv+"="+temp+"/none", "CI=")
			}
			out, err := cmd.CombinedOutput()
			if !strings.HasPrefix(end, "kill ") || end == "kill server" {
				require.NoError(t, err, "%s", out)
			}
			require.Eventually(t, func() bool {
				left, err := os.ReadDir(temp)
				return err == nil && len(left) == 0
			}, 2*time.Minute, 100*time.Millisecond)
		})
	}
}

// TestShared is what those processes run.
func TestShared(t *testing.T) { //nolint:paralleltest // Alone in its process.
	end := os.Getenv(inside)
	if end == "" {
		t.Skip("is run by TestSharedLeavesNothing")
	}
	s := clickhousetest.Shared(t)
	require.NotEqual(t, "no engine", end, "a server without an engine")
	switch end {
	case "kill server":
		require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
	case "kill group":
		require.NoError(t, syscall.Kill(0, syscall.SIGKILL))
	case "kill tests":
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	}
}
