package e2e

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFull stops ClickHouse for longer than the broker has room: clients get
// 503, nothing unread is deleted, and all that was accepted is stored once
// ClickHouse goes on.
func TestFull(t *testing.T) {
	needE2E(t)
	s := up(t, t.TempDir(), "--broker-mib", "4")
	s.event(t, "BeforeError")
	s.drained(t)

	bench := errata(t, "bench", "--addresses", filepath.Join(s.dir, "addresses.json"), "--rate", "800", "--duration", "15s",
		"--verify", "--wait", "120s", "--json", "--quiet")
	var report, stderr bytes.Buffer
	bench.Stdout, bench.Stderr = &report, &stderr
	require.NoError(t, bench.Start())
	time.Sleep(2 * time.Second)
	child := s.Pids["clickhouse"]
	require.NoError(t, syscall.Kill(child, syscall.SIGSTOP))
	wake := time.AfterFunc(9*time.Second, func() { _ = syscall.Kill(child, syscall.SIGCONT) })
	defer wake.Stop()
	defer func() { _ = syscall.Kill(child, syscall.SIGCONT) }()

	refused := false
	for deadline := time.Now().Add(9 * time.Second); time.Now().Before(deadline) && !refused; time.Sleep(100 * time.Millisecond) {
		_, err := s.post(t, "WhileFullError")
		refused = err != nil
	}
	_ = bench.Wait()
	var r struct {
		Accepted int            `json:"accepted"`
		Statuses map[string]int `json:"statuses"`
		Verify   struct {
			OK bool `json:"ok"`
		} `json:"verify"`
	}
	require.NoError(t, json.Unmarshal(report.Bytes(), &r), "%s %s", report.String(), stderr.String())
	t.Logf("%d accepted, %v", r.Accepted, r.Statuses)
	require.True(t, refused, "the store must say that it is full")
	require.Positive(t, r.Statuses["503"])
	require.True(t, r.Verify.OK, "%s", report.String())
	require.Eventually(t, func() bool {
		_, err := s.post(t, "AfterError")
		return err == nil
	}, 30*time.Second, 100*time.Millisecond, "there is room again")
	s.drained(t)
	s.balanced(t)
}
