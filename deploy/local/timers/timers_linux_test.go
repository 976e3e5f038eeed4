package timers

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be the program that is begun again.
func TestMain(m *testing.M) {
	if os.Getenv("ERRATA_TEST_LATE") == "" {
		os.Exit(m.Run())
	}
	if err := Late(300 * time.Microsecond); err != nil {
		panic(err)
	}
	_, marked := os.LookupEnv(begun)
	fmt.Println(os.Getpid(), os.Args[1], marked, slacks())
}

// slacks are those of several threads at once, in nanoseconds.
func slacks() []int {
	all := make([]int, 4)
	var ready, done sync.WaitGroup
	ready.Add(len(all))
	for i := range all {
		done.Go(func() {
			runtime.LockOSThread()
			all[i], _ = unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
			ready.Done()
			ready.Wait()
		})
	}
	done.Wait()
	return all
}

// Each thread has the slack, process and arguments are the same, and the mark that it
// was begun again is gone: a child that calls Late by itself may have one.
func TestLate(t *testing.T) {
	pid, out := run(t)
	require.Equal(t, fmt.Sprintln(pid, "argument", false, "[300000 300000 300000 300000]"), out)
}

// What somebody has chosen stays.
func TestLateChosen(t *testing.T) {
	runtime.LockOSThread() // A child has the slack of the thread that makes it.
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_TIMERSLACK, 70_000, 0, 0, 0))
	defer func() { require.NoError(t, unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)) }()
	pid, out := run(t)
	require.Equal(t, fmt.Sprintln(pid, "argument", false, "[70000 70000 70000 70000]"), out)
}

func run(t *testing.T) (pid int, out string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "argument")
	cmd.Env = append(os.Environ(), "ERRATA_TEST_LATE=1")
	b, err := cmd.Output()
	require.NoError(t, err)
	return cmd.Process.Pid, string(b)
}
