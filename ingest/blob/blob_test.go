package blob

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func one(s string) iter.Seq[[]byte] { return slices.Values([][]byte{[]byte(s)}) }

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s, err := Open(t.Context(), "", dir)
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), "7/2026/ab cd", "text/plain", one("one")))
	require.NoError(t, s.Put(t.Context(), "7/2026/ab cd", "text/plain", one("two")), "a retried upload replaces itself")
	b, err := s.Get(t.Context(), "7/2026/ab cd")
	require.NoError(t, err)
	require.Equal(t, "two", string(b))
	require.NoError(t, s.Put(t.Context(), "7/odd", "no media type", one("x")), "clients send any content type")
	_, err = s.Get(t.Context(), "7/none")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, s.Close())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	s, err = Open(t.Context(), "", dir)
	require.NoError(t, err)
	b, err = s.Get(t.Context(), "7/2026/ab cd")
	require.NoError(t, err, "blobs outlive a restart")
	require.Equal(t, "two", string(b))
	require.NoError(t, s.Close())
}

func TestKeysCannotLeaveTheFolder(t *testing.T) {
	root := t.TempDir()
	s, err := Open(t.Context(), "", filepath.Join(root, "blobs"))
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), "../../escaped", "", one("x")))
	_, err = os.Stat(filepath.Join(root, "escaped"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, s.Close())
}

func TestURL(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), "file://"+dir, "unused")
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), "k", "", one("v")))
	require.NoError(t, s.Close())
	_, err = Open(context.Background(), "nothing://x", "unused")
	require.ErrorContains(t, err, "cannot open blob store")
}

// TestAHalfIsNone demands that a blob whose writing is given up is not there.
func TestAHalfIsNone(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), "", dir)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	err = s.Put(ctx, "k", "", func(yield func([]byte) bool) {
		_ = yield(make([]byte, 1<<20))
		cancel(errors.New("away"))
		_ = yield(make([]byte, 1<<20))
	})
	require.Error(t, err)
	_, err = s.Get(t.Context(), "k")
	require.ErrorIs(t, err, ErrNotFound)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, s.Close())
}
