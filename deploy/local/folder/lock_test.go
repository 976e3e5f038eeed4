package folder

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held, err := Lock(dir, 0)
	require.NoError(t, err)

	_, err = Lock(dir, 30*time.Millisecond)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, dir)

	go func() {
		time.Sleep(50 * time.Millisecond)
		_ = held.Close()
	}()
	again, err := Lock(dir, 10*time.Second)
	require.NoError(t, err, "given back, the folder is free for the one who waits")
	require.NoError(t, again.Close())

	_, err = Lock(filepath.Join(dir, "missing"), time.Minute)
	require.ErrorContains(t, err, "cannot lock")
}
