// Package clickhousetest gives a test its own ClickHouse, the embedded engine
// of the product. A test comes in; an empty server with the product's users
// goes out. It never leaves a process or a folder behind.
//
//	s := clickhousetest.Start(t)
//	s.Addr(), s.HTTPAddr(), s.Password("errata")
package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"errata/deploy/local/clickhouse"
)

// Passwords of every test server, by user.
var Passwords = map[string]string{"errata": "test-errata", "reader": "test-reader", "triage": "test-triage"}

// Start runs a server until the end of the test. Where the library is missing
// the test is skipped, or fails where CI=true.
func Start(t testing.TB) *clickhouse.Server {
	t.Helper()
	return StartIn(t, t.TempDir())
}

// StartIn is Start on a folder that the test chose, for tests that stop a
// server and start it again.
func StartIn(t testing.TB, dir string) *clickhouse.Server {
	t.Helper()
	s, err := clickhouse.Start(t.Context(), Config(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var shared struct {
	sync.Mutex
	server  *clickhouse.Server
	remover *exec.Cmd // Kept, as its input must stay open.
}

// Shared is one server for all tests of a package: give each a database of its
// own. It ends with the test process, which holds its lifeline, and its folder
// goes after both of them.
func Shared(t testing.TB) *clickhouse.Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		return shared.server
	}
	cfg := Config(t, "")                               // It may skip the test: no folder is made before.
	dir, err := os.MkdirTemp("", "errata-clickhouse-") //nolint:usetesting // It outlives the test that asks first.
	if err != nil {
		t.Fatal(err)
	}
	if err := removeAfter(cfg.Child[0], dir); err != nil {
		t.Fatal(errors.Join(err, os.Remove(dir)))
	}
	cfg.Dir = dir
	s, err := clickhouse.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	shared.server = s
	return s
}

// removeAfter starts a process that removes the folder when this one and the
// server in it are gone: neither can do so itself when it is killed.
func removeAfter(child, dir string) error {
	cmd := exec.Command(child)
	cmd.Env = append(os.Environ(), "ERRATA_TEST_REMOVE="+dir)
	// Of a group of its own, as the server: tests that take too long are killed as a group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// The other end stays open as long as this process lives.
	if _, err := cmd.StdinPipe(); err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start who removes the folder: %w", err)
	}
	shared.remover = cmd
	return nil
}

// Config is what Start uses, for tests that start a server with more.
func Config(t testing.TB, dir string) clickhouse.Config {
	t.Helper()
	library, err := clickhouse.FindLibrary()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	child, err := buildChild()
	if err != nil {
		t.Fatal(err)
	}
	return clickhouse.Config{
		Dir: dir, Child: []string{child}, Library: library, Passwords: Passwords,
		MemoryBytes: 1 << 30, ReadyTimeout: 2 * time.Minute,
	}
}

var buildChild = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	// Several test processes may build at once: each writes its own file and
	// moves it into place.
	dir := filepath.Join(root, ".cache", "test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot make a folder for the ClickHouse child: %w", err)
	}
	target := filepath.Join(dir, "clickhouse-child")
	draft := fmt.Sprintf("%s.%d", target, os.Getpid())
	cmd := exec.Command("go", "build", "-o", draft, "./deploy/local/clickhousetest/child")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the ClickHouse child: %w: %s", err, out)
	}
	if err := os.Rename(draft, target); err != nil {
		return "", fmt.Errorf("cannot place the ClickHouse child: %w", err)
	}
	return target, nil
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("cannot find go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
