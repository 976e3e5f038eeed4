package clickhouse_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/deploy/local/folder"
)

// A child that waits for the folder of another one gives up when its parent is
// gone: else it would start an engine in a folder that nobody uses any more.
func TestOrphanDoesNotWaitForTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := clickhousetest.Config(t, dir)
	held, err := folder.Lock(dir, 0)
	require.NoError(t, err)
	defer func() { _ = held.Close() }()
	theirs, ours, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), cfg.Child[0], "--dir", dir, "--library", cfg.Library)
	cmd.ExtraFiles = []*os.File{theirs}
	require.NoError(t, cmd.Start())
	require.NoError(t, theirs.Close())
	time.Sleep(200 * time.Millisecond) // Most likely it waits by now; it gives up in any case.
	require.NoError(t, ours.Close())
	require.NoError(t, cmd.Wait(), "it ends as one that was told to, not because the folder was in use for too long")
}
