package backup_test

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/backup"
	"errata/deploy/local/folder"
)

// aStore is a folder as errata up leaves it.
func aStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secrets.json": "{}", "lock": "", "addresses.json": "{}", "logs/errata.log": "noise", "clickhouse/lock": "", "clickhouse/config.xml": "<clickhouse/>",
		"clickhouse/data/store/187/part/data.bin": "rows", "broker/groups.log": "offsets", "blobs/1/a b": "attachment", "spool/1.seg": "waiting", "clickhouse/data/tmp/x": "half",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "clickhouse", "data", "data"), 0o700))
	require.NoError(t, os.Symlink("../store/187", filepath.Join(dir, "clickhouse", "data", "data", "events")))
	return dir
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	data, elsewhere := aStore(t), t.TempDir()
	file := filepath.Join(elsewhere, "b.tar.zst")
	saved, err := backup.Save(t.Context(), data, file, nil, nil)
	require.NoError(t, err)
	require.Equal(t, 6, saved.Files)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds passwords")

	again := filepath.Join(elsewhere, "new", "data")
	restored, err := backup.Restore(t.Context(), file, again, nil)
	require.NoError(t, err)
	require.Equal(t, saved, restored)
	for name, want := range map[string]string{"secrets.json": "{}", "clickhouse/data/data/events/part/data.bin": "rows", "broker/groups.log": "offsets", "blobs/1/a b": "attachment", "spool/1.seg": "waiting"} {
		got, err := os.ReadFile(filepath.Join(again, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
	for _, name := range []string{"addresses.json", "logs", "lock"} {
		require.NoFileExists(t, filepath.Join(again, name), "of the store that ran")
	}
	left, err := filepath.Glob(filepath.Join(elsewhere, "*.partial"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestSaveRefuses(t *testing.T) {
	t.Parallel()
	data, elsewhere := aStore(t), t.TempDir()
	there := filepath.Join(elsewhere, "there")
	require.NoError(t, os.WriteFile(there, nil, 0o600))
	for name, c := range map[string]struct{ data, file, want string }{
		"no store":      {elsewhere, filepath.Join(elsewhere, "b"), "it holds no store"},
		"into itself":   {data, filepath.Join(data, "b"), "inside of the store's folder"},
		"over a file":   {data, there, "it exists"},
		"no such place": {data, filepath.Join(elsewhere, "no", "b"), "cannot write the backup"},
	} {
		_, err := backup.Save(t.Context(), c.data, c.file, nil, nil)
		require.ErrorContains(t, err, c.want, name)
	}
	held, err := folder.Lock(data, 0)
	require.NoError(t, err)
	defer held.Close()
	_, err = backup.Save(t.Context(), data, filepath.Join(elsewhere, "b"), nil, nil)
	require.ErrorContains(t, err, "while its store runs: stop it")
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	_, err := backup.Save(t.Context(), aStore(t), good, nil, nil)
	require.NoError(t, err)
	raw, err := os.ReadFile(good)
	require.NoError(t, err)
	damaged := bytes.Clone(raw)
	damaged[len(damaged)/2] ^= 0xff
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"cut":               {raw[:len(raw)/2], "not a whole backup"},
		"damaged":           {damaged, "not a whole backup"},
		"not a backup":      {[]byte("hello"), "not a whole backup"},
		"empty":             {nil, "not a whole backup"},
		"a name leads out":  {archive(t, &tar.Header{Name: "../escaped", Typeflag: tar.TypeReg, Mode: 0o600}), "cannot restore"},
		"a link leads out":  {archive(t, &tar.Header{Name: "a/b", Linkname: "../../escaped", Typeflag: tar.TypeSymlink}), "leads out"},
		"a device":          {archive(t, &tar.Header{Name: "dev", Typeflag: tar.TypeChar}), "neither file"},
		"without a summary": {archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeReg, Mode: 0o600}), "not a whole backup"},
	} {
		file := filepath.Join(dir, "bad")
		require.NoError(t, os.WriteFile(file, c.content, 0o600))
		_, err := backup.Restore(t.Context(), file, filepath.Join(dir, "out", "data"), nil)
		require.ErrorContains(t, err, c.want, name)
		left, err := os.ReadDir(filepath.Join(dir, "out"))
		require.NoError(t, err)
		require.Empty(t, left, "%s: nothing that a store would start on", name)
	}
	_, err = backup.Restore(t.Context(), good, aStore(t), nil)
	require.ErrorContains(t, err, "it is not empty")
	_, err = backup.Restore(t.Context(), filepath.Join(dir, "none"), filepath.Join(dir, "x"), nil)
	require.ErrorContains(t, err, "cannot read the backup")
}

// TestDamageIsSeen changes one bit in each byte of a backup, the checksum that
// ends it among them: what is restored is what was saved, or nothing is.
func TestDamageIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	_, err := backup.Save(t.Context(), aStore(t), good, nil, nil)
	require.NoError(t, err)
	want := restored(t, good, filepath.Join(dir, "want"))
	require.Len(t, want, 6)
	raw, err := os.ReadFile(good)
	require.NoError(t, err)
	refused := 0
	for i := range raw {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 1 << (i % 8)
		file, out := filepath.Join(dir, "bad"), filepath.Join(dir, "out", strconv.Itoa(i))
		require.NoError(t, os.WriteFile(file, damaged, 0o600))
		if _, err := backup.Restore(t.Context(), file, out, nil); err != nil {
			require.NoDirExists(t, out)
			refused++
			continue
		}
		require.Equal(t, want, files(t, out), "byte %d", i)
	}
	require.Greater(t, refused, len(raw)*9/10)

	for name, more := range map[string][]byte{"text": []byte("more"), "a second backup": raw} {
		file := filepath.Join(dir, "longer")
		require.NoError(t, os.WriteFile(file, append(bytes.Clone(raw), more...), 0o600))
		_, err := backup.Restore(t.Context(), file, filepath.Join(dir, "longer-out"), nil)
		require.ErrorContains(t, err, "not a whole backup", name)
	}
}

func restored(t *testing.T, file, dir string) map[string]string {
	t.Helper()
	_, err := backup.Restore(t.Context(), file, dir, nil)
	require.NoError(t, err)
	return files(t, dir)
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = string(raw)
		return err
	}))
	return all
}

func archive(t *testing.T, h *tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	packed, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	tw := tar.NewWriter(packed)
	require.NoError(t, tw.WriteHeader(h))
	require.NoError(t, tw.Close())
	require.NoError(t, packed.Close())
	return b.Bytes()
}
