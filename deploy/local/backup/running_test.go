package backup_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/backup"
	"errata/deploy/local/folder"
	"errata/deploy/local/pause"
)

// TestMain lets the test binary be the helper that holds a database, and one that
// writes all the time: a number into a file, then into another one.
func TestMain(m *testing.M) {
	if os.Getenv("ERRATA_TEST_DATABASE") != "" {
		for n := 0; ; n++ {
			for _, name := range []string{"a", "z"} {
				path := filepath.Join(os.Args[1], "data", name)
				if err := os.WriteFile(path+".tmp", fmt.Append(nil, n), 0o600); err != nil {
					panic(err)
				}
				if err := os.Rename(path+".tmp", path); err != nil {
					panic(err)
				}
			}
		}
	}
	if len(os.Args) == 3 && os.Args[1] == "--group" {
		var h pause.Helper
		_, _ = fmt.Sscan(os.Args[2], &h.Group)
		if err := h.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// running makes a store's folder look as if its store ran, and returns where its
// database can be found.
func running(t *testing.T, data string) {
	t.Helper()
	for _, dir := range []string{data, filepath.Join(data, "clickhouse")} {
		held, err := folder.Lock(dir, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = held.Close() })
	}
	database := exec.Command(os.Args[0], filepath.Join(data, "clickhouse"))
	database.Env = append(os.Environ(), "ERRATA_TEST_DATABASE=1")
	database.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, database.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-database.Process.Pid, syscall.SIGKILL)
		_ = database.Wait()
	})
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(data, "clickhouse", "data", "z"))
		return err == nil
	}, 30*time.Second, time.Millisecond)
	address(t, data, database.Process.Pid)
}

func address(t *testing.T, data string, pid int) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"pids": map[string]int{"clickhouse": pid}, "data": data})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(data, "addresses.json"), raw, 0o600))
}

func TestOfARunningStore(t *testing.T) {
	t.Parallel()
	data, elsewhere := aStore(t), t.TempDir()
	for name, text := range map[string]string{
		"broker/partitions/events-0/0.dat": "records", "broker/pids.log": "producers", "spool/cursor": "1 0",
		"clickhouse/data/store/187/u/all_1_1_0/data.bin": "part", "clickhouse/data/store/187/u/tmp_insert_all_2_2_0/data.bin": "half", "clickhouse/data/store/187/u/deduplication_logs/1.txt": "tokens",
		"backup/clickhouse/old": "of a backup that was killed",
	} {
		path := filepath.Join(data, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	running(t, data)
	file, again := filepath.Join(elsewhere, "b"), filepath.Join(elsewhere, "again")
	saved, err := backup.Save(t.Context(), data, file, []string{os.Args[0]}, nil)
	require.NoError(t, err)
	require.Positive(t, saved.HeldMS)
	_, err = backup.Restore(t.Context(), file, again, nil)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"secrets.json": "{}", "broker/partitions/events-0/0.dat": "records", "broker/groups.log": "offsets", "broker/pids.log": "producers", "blobs/1/a b": "attachment",
		"spool/1.seg": "waiting", "spool/cursor": "1 0", "clickhouse/data/store/187/u/all_1_1_0/data.bin": "part", "clickhouse/data/store/187/u/deduplication_logs/1.txt": "tokens",
		"clickhouse/data/data/events/part/data.bin": "rows", "clickhouse/config.xml": "<clickhouse/>",
	} {
		got, err := os.ReadFile(filepath.Join(again, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
	for _, name := range []string{"addresses.json", "lock", "logs", "backup", "clickhouse/old", "clickhouse/lock", "clickhouse/data/store/187/u/tmp_insert_all_2_2_0"} {
		require.NoFileExists(t, filepath.Join(again, filepath.FromSlash(name)))
		require.NoDirExists(t, filepath.Join(again, filepath.FromSlash(name)))
	}
	left, err := os.ReadDir(filepath.Join(data, "backup"))
	require.NoError(t, err)
	require.Len(t, left, 1, "the lock")
}

// What the database wrote is of one moment, however long it takes to copy: of two
// files that it writes in turn, with many between them, neither runs ahead.
func TestOneMomentOfTheDatabase(t *testing.T) {
	t.Parallel()
	data, elsewhere := aStore(t), t.TempDir()
	between := filepath.Join(data, "clickhouse", "data", "m")
	require.NoError(t, os.MkdirAll(between, 0o700))
	for n := range 500 {
		require.NoError(t, os.WriteFile(filepath.Join(between, fmt.Sprint(n)), []byte("x"), 0o600))
	}
	running(t, data)
	file, again := filepath.Join(elsewhere, "b"), filepath.Join(elsewhere, "again")
	_, err := backup.Save(t.Context(), data, file, []string{os.Args[0]}, nil)
	require.NoError(t, err)
	_, err = backup.Restore(t.Context(), file, again, nil)
	require.NoError(t, err)
	var a, z int
	for name, at := range map[string]*int{"a": &a, "z": &z} {
		raw, err := os.ReadFile(filepath.Join(again, "clickhouse", "data", name))
		require.NoError(t, err)
		_, err = fmt.Sscan(string(raw), at)
		require.NoError(t, err)
	}
	require.True(t, a == z || a == z+1, "%d was written before %d", a, z)
}

func TestRunningRefuses(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	for name, c := range map[string]struct {
		prepare func(data string)
		want    string
	}{
		"another backup": {func(data string) {
			require.NoError(t, os.MkdirAll(filepath.Join(data, "backup"), 0o700))
			held, err := folder.Lock(filepath.Join(data, "backup"), 0)
			require.NoError(t, err)
			t.Cleanup(func() { _ = held.Close() })
		}, "another backup"},
		"no addresses yet":     {func(data string) { require.NoError(t, os.Remove(filepath.Join(data, "addresses.json"))) }, "starting or ending"},
		"damaged addresses":    {func(data string) { require.NoError(t, os.WriteFile(filepath.Join(data, "addresses.json"), nil, 0o600)) }, "cannot read the addresses"},
		"a process of another": {func(data string) { address(t, data, os.Getpid()) }, "starting or ending"},
		"no process":           {func(data string) { address(t, data, 1<<30) }, "starting or ending"},
		"no id":                {func(data string) { address(t, data, 0) }, "starting or ending"},
	} {
		data := aStore(t)
		running(t, data)
		c.prepare(data)
		_, err := backup.Save(t.Context(), data, filepath.Join(elsewhere, "b"), []string{os.Args[0]}, nil)
		require.ErrorContains(t, err, c.want, name)
	}
	made, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	require.Empty(t, made)
}

// What a killed backup left goes when its store starts, and not under the hands of
// one that is being made.
func TestSweep(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.NoError(t, backup.Sweep(data), "nothing was left")
	part := filepath.Join(data, "backup", "clickhouse", "part", "data.bin")
	require.NoError(t, os.MkdirAll(filepath.Dir(part), 0o700))
	require.NoError(t, os.WriteFile(part, []byte("x"), 0o600))
	lock, err := folder.Lock(filepath.Join(data, "backup"), 0)
	require.NoError(t, err)
	require.NoError(t, backup.Sweep(data))
	require.FileExists(t, part, "another backup is being made")
	require.NoError(t, lock.Close())
	require.NoError(t, backup.Sweep(data))
	require.NoDirExists(t, filepath.Join(data, "backup", "clickhouse"))
}
