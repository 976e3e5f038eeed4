package pause

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be the helper, and one who asks it and waits.
func TestMain(m *testing.M) {
	var h Helper
	if n, _ := fmt.Sscan(os.Getenv("ERRATA_TEST_ASK"), &h.Group); n == 1 {
		_ = os.Unsetenv("ERRATA_TEST_ASK")
		if _, err := Start(context.Background(), []string{os.Args[0]}, h.Group); err != nil {
			panic(err)
		}
		fmt.Println("asked")
		select {}
	}
	if file := os.Getenv("ERRATA_TEST_COUNT"); file != "" {
		f, err := os.Create(file)
		for err == nil {
			_, err = f.WriteString("x")
			time.Sleep(2 * time.Millisecond)
		}
		panic(err)
	}
	if len(os.Args) == 3 && os.Args[1] == "--group" {
		_, _ = fmt.Sscan(os.Args[2], &h.Group)
		if err := h.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// counter is a group of two processes, of which one writes into a file.
func counter(t *testing.T) (group int, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "n")
	cmd := exec.Command("sh", "-c", `"$0"; :`, os.Args[0])
	cmd.Env = append(os.Environ(), "ERRATA_TEST_COUNT="+file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	moves(t, file)
	return cmd.Process.Pid, file
}

func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

func moves(t *testing.T, file string) {
	t.Helper()
	before := size(file)
	require.Eventually(t, func() bool { return size(file) > before }, 30*time.Second, time.Millisecond)
}

// What is held writes nothing, and goes on afterwards.
func TestHeldAndLetGo(t *testing.T) {
	group, file := counter(t)
	p, err := Start(t.Context(), []string{os.Args[0]}, group)
	require.NoError(t, err)
	before := size(file)
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, before, size(file))
	require.NoError(t, p.End())
	moves(t, file)
}

// The one who asked is killed: the group goes on.
func TestTheOneWhoAskedIsKilled(t *testing.T) {
	group, file := counter(t)
	asker := exec.Command(os.Args[0])
	asker.Env = append(os.Environ(), fmt.Sprintf("ERRATA_TEST_ASK=%d", group))
	out, err := asker.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, asker.Start())
	line := make([]byte, 6)
	_, err = out.Read(line)
	require.NoError(t, err)
	require.Equal(t, "asked\n", string(line))
	before := size(file)
	time.Sleep(50 * time.Millisecond)
	require.Equal(t, before, size(file))
	require.NoError(t, asker.Process.Kill())
	_ = asker.Wait()
	moves(t, file)
}

// Nobody is held for ever, and who asked is told.
func TestHeldTooLong(t *testing.T) {
	group, file := counter(t)
	in, keep, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _, _ = in.Close(), keep.Close() }()
	var out bytes.Buffer
	require.ErrorIs(t, Helper{Group: group}.hold(in, &out, 50*time.Millisecond), errLong)
	require.Equal(t, said, strings.TrimSpace(out.String()))
	moves(t, file)
}

func TestRefused(t *testing.T) {
	for _, group := range []int{-1, 0, 1, 1 << 30} {
		_, err := Start(t.Context(), []string{os.Args[0]}, group)
		require.ErrorContains(t, err, fmt.Sprint("cannot hold process group ", group))
	}
}
