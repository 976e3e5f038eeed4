package clickhouse_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
)

// The threads of the server want the cores less than this process does.
func TestYields(t *testing.T) {
	server := clickhousetest.Shared(t)
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	require.NoError(t, err)
	tasks := fmt.Sprintf("/proc/%d/task", server.PID())
	threads, err := os.ReadDir(tasks)
	require.NoError(t, err)
	require.Greater(t, len(threads), 10)
	for _, thread := range threads {
		raw, err := os.ReadFile(tasks + "/" + thread.Name() + "/stat")
		if os.IsNotExist(err) {
			continue // It ended meanwhile.
		}
		require.NoError(t, err)
		if bytes.Contains(raw, []byte("(MemoryWorker)")) {
			continue // The engine gives it all that it may.
		}
		fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
		nice, err := strconv.Atoi(string(fields[16]))
		require.NoError(t, err)
		require.Equal(t, min(20-own+5, 19), nice, "thread %s: %s", thread.Name(), raw)
	}
}
