package clickhouse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
)

// niceness is how nice the threads of a process are, by their name and number.
func niceness(t *testing.T, pid int) map[string]int {
	t.Helper()
	out := map[string]int{}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	require.NoError(t, err)
	for _, task := range tasks {
		comm, err := os.ReadFile(filepath.Join(task, "comm"))
		id, _ := strconv.Atoi(filepath.Base(task))
		raw, gone := syscall.Getpriority(syscall.PRIO_PROCESS, id)
		if err != nil || gone != nil {
			continue // Ended meanwhile.
		}
		out[fmt.Sprintf("%s %d", strings.TrimSpace(string(comm)), id)] = 20 - raw
	}
	return out
}

// TestMergesYield says that threads that merge are nicer and no others are,
// also after merges, inserts and questions: a thread that was nice once and did
// something else later would slow that down.
func TestMergesYield(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t)
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, s.PID())
	require.NoError(t, err)
	db := seed(t, s)
	nicer := func() bool {
		merging := 0
		for thread, n := range niceness(t, s.PID()) {
			if strings.HasPrefix(thread, "MergeMutate ") {
				if merging++; n != min(20-own+10, 19) {
					return false
				}
			}
		}
		return merging > 0
	}
	require.Eventually(t, nicer, 30*time.Second, 50*time.Millisecond)
	for range 20 {
		mustExec(t, db, "INSERT INTO errata.events SELECT number FROM numbers_mt(10000)")
		count(t, db, "SELECT sum(n) FROM errata.events")
	}
	mustExec(t, db, "OPTIMIZE TABLE errata.events FINAL", "ALTER TABLE errata.events DELETE WHERE n = 5 SETTINGS mutations_sync = 2")
	require.True(t, nicer())
	for thread, n := range niceness(t, s.PID()) {
		if !strings.HasPrefix(thread, "MergeMutate ") {
			require.LessOrEqual(t, n, 20-own, thread) // The engine hurries some of its own.
		}
	}
}
