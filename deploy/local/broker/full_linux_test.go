package broker_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// TestDiskFull fills the disk under a broker: what it acknowledges while there is no
// room, and once there is room again, is there after a kill; what it cannot keep it
// refuses. The disk is a small file system in a namespace of the test's own.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv("ERRATA_TEST_DISK_FULL"); dir != "" {
		diskFull(t, dir)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
	cmd.Env = append(os.Environ(), "ERRATA_TEST_DISK_FULL="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil || bytes.Contains(out, []byte("cannot mount")) {
		t.Skipf("this machine gives no namespace to mount a small file system in: %v %s", err, out)
	}
	require.NoError(t, err, "%s", out)
}

func diskFull(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("cannot mount: %s", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	cfg := config(filepath.Join(dir, "broker"))
	b := start(t, cfg)
	writer := writerOf(t, b.Addr(), "events")
	writer.MaxAttempts = 1
	written, committed := 0, int64(0)
	add := func() error {
		err := writer.WriteMessages(t.Context(), kafka.Message{Value: fmt.Appendf(noise(3000), "%d", written)})
		if err == nil {
			written++
		}
		return err
	}
	metadata := strings.Repeat("m", 1000)
	client := clientOf(t, b.Addr())
	move := func() error {
		resp, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: "store", GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{"events": {{Partition: 0, Offset: committed + 1, Metadata: metadata}}}})
		if err == nil {
			err = resp.Topics["events"][0].Error
		}
		if err == nil {
			committed++
		}
		return err
	}
	// What a kill leaves is a copy of the folder.
	killed := func(when string) {
		after := cfg
		after.Dir = copyDir(t, cfg.Dir)
		second := start(t, after)
		defer second.Stop()
		resp, err := clientOf(t, second.Addr()).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "store", Topics: map[string][]int{"events": {0}}})
		require.NoError(t, err)
		require.Equal(t, committed, resp.Topics["events"][0].CommittedOffset, "what was committed "+when)
		values, _ := fetchAll(t, clientOf(t, second.Addr()), "events", 0, 0)
		require.Len(t, values, written, "what was written "+when)
	}
	for range 300 {
		require.NoError(t, add())
	}
	for range 3 {
		require.NoError(t, move())
	}
	ballast := filepath.Join(dir, "ballast")
	for round := range 2 {
		fill(t, ballast)
		refused := 0
		for range 1000 {
			if add() != nil {
				refused++
			}
			if committed < 290 && move() != nil {
				refused++
			}
			if refused > 20 {
				break
			}
		}
		require.Positive(t, refused)
		killed(fmt.Sprintf("on a full disk, time %d", round))
		require.NoError(t, os.Remove(ballast))
		require.Eventually(t, func() bool { return add() == nil && move() == nil }, time.Minute, 20*time.Millisecond, "there is room again")
		killed(fmt.Sprintf("after it, time %d", round))
	}
}

// fill takes all the room that there is, to the last byte.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	for size := 1 << 20; size > 0; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				require.ErrorIs(t, err, syscall.ENOSPC)
				break
			}
		}
	}
}
