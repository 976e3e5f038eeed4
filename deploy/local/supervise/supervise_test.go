package supervise

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// obedient ends when its lifeline does, as every child must; it writes its
// process id first.
func obedient(pidFile string) func() *exec.Cmd {
	return func() *exec.Cmd {
		return exec.Command("bash", "-c", "echo $$ >"+pidFile+".new && mv "+pidFile+".new "+pidFile+" && read -u 3; exit 0")
	}
}

func readPID(t *testing.T, file string) int {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	require.NoError(t, err)
	return pid
}

func fileExists(file string) func(context.Context) error {
	return func(context.Context) error { _, err := os.Stat(file); return err }
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestStopEndsChild(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	p, err := Start(t.Context(), Config{Name: "child", Command: obedient(pidFile), Ready: fileExists(pidFile)})
	require.NoError(t, err)
	pid := readPID(t, pidFile)
	require.Equal(t, pid, p.PID())
	require.NoError(t, p.Stop())
	require.False(t, alive(pid))
	require.NoError(t, p.Stop(), "a second stop only waits")
}

func TestKilledChildStartsAgain(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	p, err := Start(t.Context(), Config{
		Name: "child", Command: obedient(pidFile), Ready: fileExists(pidFile), MinBackoff: 10 * time.Millisecond,
	})
	require.NoError(t, err)
	first := readPID(t, pidFile)
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	require.Eventually(t, func() bool { pid := readPID(t, pidFile); return pid != first && pid != 0 && alive(pid) },
		time.Minute, 10*time.Millisecond)
	require.Equal(t, 1, p.Restarts())
	second := readPID(t, pidFile)
	require.NoError(t, p.Stop())
	require.False(t, alive(second))
}

// The first life is obedient, the second one hangs while it starts, the third
// one is obedient again.
func TestChildThatHangsStartsAgain(t *testing.T) {
	dir := t.TempDir()
	pidFile, lives := filepath.Join(dir, "pid"), 0
	ready := fileExists(pidFile)
	p, err := Start(t.Context(), Config{
		Name: "child", Ready: ready, MinBackoff: 10 * time.Millisecond, ReadyTimeout: 5 * time.Second,
		Command: func() *exec.Cmd {
			_ = os.Remove(pidFile)
			if lives++; lives == 2 {
				return exec.Command("bash", "-c", "read -u 3")
			}
			return obedient(pidFile)()
		},
	})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	require.Eventually(t, func() bool { return p.Restarts() >= 2 && ready(t.Context()) == nil }, time.Minute, 10*time.Millisecond)
	require.NoError(t, p.Stop())
}

// A stop while the child starts again does not wait until it is ready.
func TestStopWhileTheChildStartsAgain(t *testing.T) {
	pidFile, lives := filepath.Join(t.TempDir(), "pid"), 0
	p, err := Start(t.Context(), Config{
		Name: "child", Ready: func(context.Context) error {
			if lives > 1 {
				return errors.New("not yet")
			}
			return fileExists(pidFile)(t.Context())
		}, MinBackoff: 10 * time.Millisecond, ReadyTimeout: time.Hour,
		Command: func() *exec.Cmd { lives++; return obedient(pidFile)() },
	})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	require.Eventually(t, func() bool { return p.Restarts() == 1 && p.PID() != 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, p.Stop())
}

// A stop between a child's death and the next one has nothing to stop.
func TestStopBetweenTwoChildren(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	p, err := Start(t.Context(), Config{
		Name: "child", Command: obedient(pidFile), Ready: fileExists(pidFile), MinBackoff: time.Hour, MaxBackoff: time.Hour,
	})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	require.Eventually(t, func() bool { return p.Restarts() == 1 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, p.Stop())
}

func TestDeafChildIsKilled(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	p, err := Start(t.Context(), Config{
		Name:        "child",
		Command:     func() *exec.Cmd { return exec.Command("bash", "-c", "echo $$ >"+pidFile+"; exec sleep 60") },
		Ready:       fileExists(pidFile),
		StopTimeout: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	pid := p.PID()
	require.Error(t, p.Stop(), "the exit status says that it was killed")
	require.False(t, alive(pid))
}

func TestStartFails(t *testing.T) {
	never := func(context.Context) error { return errors.New("not yet") }
	for name, tc := range map[string]struct {
		command []string
		timeout time.Duration
		want    string
	}{
		"no such file":    {[]string{"/nonexistent/child"}, time.Minute, "cannot start child"},
		"ends at once":    {[]string{"bash", "-c", "exit 7"}, time.Minute, "exit status 7"},
		"ends well":       {[]string{"true"}, time.Minute, "exit status 0"},
		"never gets done": {[]string{"bash", "-c", "read -u 3"}, 100 * time.Millisecond, "not yet"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), Config{
				Name: "child", Ready: never, ReadyTimeout: tc.timeout,
				Command: func() *exec.Cmd { return exec.Command(tc.command[0], tc.command[1:]...) },
			})
			require.ErrorContains(t, err, tc.want)
		})
	}
}
