package clickhouse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhouse"
	"errata/deploy/local/clickhousetest"
)

// TestBinary runs --clickhouse-binary with a program that takes a server's
// arguments and runs the embedded engine on them: what is tested is that the
// server gets its configuration, ends with its parent and comes back.
func TestBinary(t *testing.T) {
	t.Parallel()
	probe := clickhousetest.Start(t) // Skips here where the library is missing; builds the child.
	require.NoError(t, probe.Stop())
	library, err := clickhouse.FindLibrary()
	require.NoError(t, err)
	child, err := filepath.Abs("../../../.cache/test/clickhouse-child")
	require.NoError(t, err)
	binary := filepath.Join(t.TempDir(), "clickhouse")
	require.NoError(t, os.WriteFile(binary, fmt.Appendf(nil, `#!/usr/bin/env bash
set -eu
[ "$1" = server ]
config="${2#--config-file=}"
dir="$(dirname "$config")"
mkdir -p "$dir/server"
sed "s#$dir/data#$dir/server/data#g" "$config" >"$dir/server/config.xml"
# A lifeline that never ends: a real server knows of none.
[ -p "$dir/server/pipe" ] || mkfifo "$dir/server/pipe"
exec %q --dir "$dir/server" --library %q 3<>"$dir/server/pipe"
`, child, library), 0o700))

	s, err := clickhouse.Start(t.Context(), clickhouse.Config{
		Dir: t.TempDir(), Child: []string{child}, Binary: binary, Passwords: clickhousetest.Passwords, ReadyTimeout: time.Minute,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	db := seed(t, s)
	require.Equal(t, s.EngineAddr(), s.Addr(), "a real server needs no gate")

	old := s.PID()
	require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
	// The server outlives its killed parent for a moment and still answers.
	require.Eventually(t, func() bool {
		return s.Restarts() == 1 && s.PID() != 0 && s.PID() != old && db.PingContext(t.Context()) == nil
	}, time.Minute, 50*time.Millisecond)
	require.EqualValues(t, 1000, count(t, db, "SELECT count() FROM errata.events"))
	require.NoError(t, s.Stop())
	require.Eventually(t, func() bool { return db.PingContext(t.Context()) != nil }, 30*time.Second, 50*time.Millisecond, "the server ended with its parent's word")
}
