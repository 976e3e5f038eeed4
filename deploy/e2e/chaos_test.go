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
// (ten where unset). Requests are sent twice and records that nobody can read
// lie among the others; every third load is OTLP. After every round each
// accepted event must be there exactly once and issues must count what events
// hold; at the end the ledger is balanced, every rollup equals the raw rows,
// and every poisoned record is a dead letter.
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
	p := newPoison(t, s.Broker)

	accepted := 0
	for round := range rounds {
		// A copy: the store removes its own addresses while it is away.
		file := filepath.Join(t.TempDir(), "addresses.json")
		raw, err := os.ReadFile(filepath.Join(s.dir, "addresses.json"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, raw, 0o600))
		mode := "envelope"
		if round%3 == 2 {
			mode = "otlp"
		}
		victim := "errata"
		load := startLoad(t, "--addresses", file, "--mode", mode, "--rate", "500", "--duration", "7s", "--wait", "90s")
		p.pour(5, 800*time.Millisecond)
		// Under load, not before the first and not after the last request.
		time.Sleep(time.Second + time.Duration(random.Int64N(int64(3*time.Second))))
		if random.IntN(3) == 0 {
			victim = "clickhouse"
			require.NoError(t, syscall.Kill(s.Pids["clickhouse"], syscall.SIGKILL))
		} else {
			s.kill()
			s.run(t)
		}
		r := load.verdict(t)
		p.pouring.Wait()
		t.Logf("round %d, %s, killed %s: %s", round+1, mode, victim, r)
		accepted += r.Accepted
		// The child has another process id now.
		s.Pids["clickhouse"] = s.childPID(t)
	}
	// Of all rounds: a busy machine may take longer to start the store again than
	// the load of one lasts.
	require.Greater(t, accepted, 100*rounds, "killed under load")
	s.drained(t)
	s.balanced(t)
	exact(t, p, func(args ...string) string { return s.tool(t, args...) })
}

// exact asks by the command line whether the store is right as a whole.
func exact(t *testing.T, p *poison, tool func(args ...string) string) {
	t.Helper()
	require.JSONEq(t, "[]", tool("query", "ledger_balance", "--json"), "every accepted item has one fate")
	counts := tool("doctor", "--check-counts", "--json") // Ends with an error where a view differs.
	var views []map[string]any
	require.NoError(t, json.Unmarshal([]byte(counts), &views), counts)
	require.NotEmpty(t, views)
	t.Logf("%d rollups equal the raw rows", len(views))

	acknowledged, tried := p.sent()
	var dead []struct {
		N int `json:"n"`
	}
	// What no answer came for is there or not.
	require.NoError(t, json.Unmarshal([]byte(tool("sql", "--json", "SELECT toUInt32(sum(quantity)) AS n FROM errata.outcomes WHERE outcome = 'dead_letter' AND project_id = 0")), &dead))
	require.Len(t, dead, 1)
	t.Logf("%d records poisoned, of which %d acknowledged, %d dead", tried, acknowledged, dead[0].N)
	require.Positive(t, acknowledged)
	require.GreaterOrEqual(t, dead[0].N, acknowledged)
	require.LessOrEqual(t, dead[0].N, tried)
	p.buried(t)
}

// load is a running errata bench.
type load struct {
	cmd            *exec.Cmd
	report, stderr bytes.Buffer
}

// startLoad starts errata bench, which sends a part twice and verifies.
func startLoad(t *testing.T, args ...string) *load {
	t.Helper()
	l := &load{cmd: errata(t, append([]string{"bench", "--verify", "--duplicates", "0.05", "--json", "--quiet"}, args...)...)}
	l.cmd.Stdout, l.cmd.Stderr = &l.report, &l.stderr
	require.NoError(t, l.cmd.Start())
	return l
}

// verdict is what the load found in the store.
type verdict struct {
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

func (v verdict) String() string {
	text, _ := json.Marshal(v)
	return string(text)
}

// verdict waits for the end of the load and fails where anything is missing or
// there twice.
func (l *load) verdict(t *testing.T) (r verdict) {
	t.Helper()
	var exit *exec.ExitError
	if err := l.cmd.Wait(); err != nil {
		require.ErrorAs(t, err, &exit, l.stderr.String())
	}
	require.NoError(t, json.Unmarshal(l.report.Bytes(), &r), "%s %s", l.report.String(), l.stderr.String())
	require.True(t, r.Verify.OK, "%s", l.report.String())
	require.Zero(t, r.Verify.Missing)
	require.Zero(t, r.Verify.Doubled)
	require.Equal(t, r.Verify.Events, r.Verify.IssueEvents)
	return r
}

// childPID asks the kernel: addresses.json may be half a second behind.
func (s *store) childPID(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(s.cmd.Process.Pid), "-f", "clickhouse-child").Output()
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(bytes.TrimSpace(out)))
	require.NoError(t, err)
	return pid
}
