package mapping

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "bodies")
	f, err := New(dir)
	require.NoError(t, err)
	want := make([]byte, 3<<20+7)
	_, _ = rand.Read(want)
	for part := want; len(part) > 0; {
		n, err := f.Write(part[:min(len(part), 1<<20)])
		require.NoError(t, err)
		part = part[n:]
	}
	got, err := f.Map()
	require.NoError(t, err)
	for range 3 {
		var read []byte
		for part := range Parts(got[5:]) {
			read = append(read, part...)
		}
		require.True(t, bytes.Equal(want[5:], read), "pages that were given back come again")
		read, err = io.ReadAll(NewReader(got))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, read))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "a body has no name that a kill could leave")
	f.Close()
}

func TestNothing(t *testing.T) {
	t.Parallel()
	f, err := New(t.TempDir())
	require.NoError(t, err)
	b, err := f.Map()
	require.NoError(t, err)
	require.Empty(t, b)
	f.Close()
	(*File)(nil).Close()
}

func TestNoDisk(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := New(file)
	require.ErrorIs(t, err, ErrDisk)
}

// TestPartsOfMemory demands that memory of any other kind keeps what it holds.
func TestPartsOfMemory(t *testing.T) {
	t.Parallel()
	b := make([]byte, 5<<20)
	_, _ = rand.Read(b)
	want := bytes.Clone(b)
	n := 0
	for part := range Parts(b) {
		n += len(part)
	}
	require.Equal(t, len(b), n)
	require.True(t, bytes.Equal(want, b))
	for range Parts(nil) {
		t.Error("nothing has no part")
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	sep := []byte("\r\n--boundary")
	for _, at := range []int{0, 1, 100, partBytes - len(sep), partBytes - len(sep) + 1, partBytes - 1, partBytes, 2*partBytes - 3, 3*partBytes + 1, -1} {
		for _, size := range []int{partBytes, partBytes + 1, 3*partBytes + 100} {
			b := bytes.Repeat([]byte("-"), size)
			if at >= 0 && at+len(sep) <= size {
				copy(b[at:], sep)
			}
			require.Equal(t, bytes.Index(b, sep), Index(b, sep), "%d of %d", at, size)
		}
	}
}
