package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestChaos kills the store or its ClickHouse with SIGKILL at random moments
// under errata bench, ERRATA_CHAOS_ROUNDS times in a row on the same folder
// (ten where unset), and expects after every round that each accepted event is
// there exactly once and that issues count what events hold.
func TestChaos(t *testing.T) {
	needE2E(t)
	rounds := 10
	if n, err := strconv.Atoi(os.Getenv("ERRATA_CHAOS_ROUNDS")); err == nil {
		rounds = n
	}
	s := upAgain(t, t.TempDir())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	for round := range rounds {
		// A copy: the store removes its own addresses while it is away.
		file := filepath.Join(t.TempDir(), "addresses.json")
		raw, err := os.ReadFile(filepath.Join(s.dir, "addresses.json"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, raw, 0o600))
		bench := errata(t, "bench", "--addresses", file, "--rate", "600", "--duration", "7s", "--verify", "--wait", "90s",
			"--duplicates", "0.05", "--json", "--quiet")
		var report, stderr bytes.Buffer
		bench.Stdout, bench.Stderr = &report, &stderr
		require.NoError(t, bench.Start())

		// Under load, not before the first and not after the last request.
		time.Sleep(1500*time.Millisecond + time.Duration(random.Int64N(int64(4*time.Second))))
		victim := "errata"
		if random.IntN(3) == 0 {
			victim = "clickhouse"
			require.NoError(t, syscall.Kill(s.Pids["clickhouse"], syscall.SIGKILL))
		} else {
			s.kill()
			s.run(t)
		}
		err = bench.Wait()
		var r struct {
			Accepted int            `json:"accepted"`
			Statuses map[string]int `json:"statuses"`
			Resent   int            `json:"resent"`
			Verify   struct {
				OK          bool `json:"ok"`
				Missing     int  `json:"missing"`
				Doubled     int  `json:"doubled"`
				Unknown     int  `json:"unknown"`
				UnknownKept int  `json:"unknown_stored"`
				IssueEvents int  `json:"issue_events"`
				Events      int  `json:"events"`
			} `json:"verify"`
		}
		require.NoError(t, json.Unmarshal(report.Bytes(), &r), "%s %s", report.String(), stderr.String())
		t.Logf("round %d, killed %s: %d accepted, %d sent twice, %v; %d missing, %d doubled, %d unanswered of which %d stored; issues %d, events %d",
			round+1, victim, r.Accepted, r.Resent, r.Statuses, r.Verify.Missing, r.Verify.Doubled, r.Verify.Unknown, r.Verify.UnknownKept, r.Verify.IssueEvents, r.Verify.Events)
		var exit *exec.ExitError
		if err != nil {
			require.ErrorAs(t, err, &exit, stderr.String())
		}
		require.True(t, r.Verify.OK, "%s", report.String())
		require.Zero(t, r.Verify.Missing)
		require.Zero(t, r.Verify.Doubled)
		require.Equal(t, r.Verify.Events, r.Verify.IssueEvents)
		require.Greater(t, r.Accepted, 100, "the load went on")
		// The child has another process id now.
		s.Pids["clickhouse"] = s.childPID(t)
	}
	s.balanced(t)
}

// childPID asks the kernel: addresses.json tells of the start only.
func (s *store) childPID(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(s.cmd.Process.Pid), "-f", "clickhouse-child").Output()
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(bytes.TrimSpace(out)))
	require.NoError(t, err)
	return pid
}
