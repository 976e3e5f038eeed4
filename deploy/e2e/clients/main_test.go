// Package clients sends with the real clients of both ecosystems, unchanged but
// for DSN or endpoint, into one running store, and asks by the program's own
// commands what became of it. It starts and stops every process it needs; what is
// not installed is named and skipped, and a failure where CI=true.
package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// store is the one `errata up` of this package.
var store *running

func TestMain(m *testing.M) {
	if os.Getenv("ERRATA_E2E") == "" {
		fmt.Println("skipped: set ERRATA_E2E=1 (make e2e)")
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "errata-clients-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err = up(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	code := m.Run()
	if err := store.stop(); err != nil {
		fmt.Println(err)
		return 1
	}
	return code
}

// running is a store and what clients need of its addresses.json.
type running struct {
	HTTP     string         `json:"http"`
	OTLPHTTP string         `json:"otlp_http"`
	OTLPGRPC string         `json:"otlp_grpc"`
	Pids     map[string]int `json:"pids"`

	program, file string
	cmd           *exec.Cmd
	ended         chan struct{}
	output        bytes.Buffer
}

// program is ERRATA_BINARY, else built once.
func program() (string, error) {
	if path := os.Getenv("ERRATA_BINARY"); path != "" {
		return path, nil
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".cache", "test", "errata-clients")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build errata: %w: %s", err, out)
	}
	return path, nil
}

func up(dir string) (*running, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	s := &running{program: path, file: filepath.Join(dir, "addresses.json"), ended: make(chan struct{})}
	args := []string{"up", "--data", dir}
	for _, part := range []string{"http", "otlp-http", "otlp-grpc", "clickhouse", "clickhouse-http", "broker"} {
		args = append(args, "--"+part, "127.0.0.1:0")
	}
	s.cmd = exec.Command(path, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start errata: %w", err)
	}
	go func() { _ = s.cmd.Wait(); close(s.ended) }()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-s.ended:
			return nil, fmt.Errorf("%w: %s", errEnded, s.output.String())
		default:
		}
		raw, err := os.ReadFile(s.file)
		if err == nil && json.Unmarshal(raw, s) == nil && s.Pids["errata"] == s.cmd.Process.Pid {
			return s, nil
		}
	}
	_ = s.cmd.Process.Kill()
	return nil, fmt.Errorf("%w: %s", errNotReady, s.output.String())
}

var (
	errEnded    = errors.New("errata up ended")
	errNotReady = errors.New("errata up is not ready after two minutes")
	errNoStop   = errors.New("errata up does not stop within a minute")
)

// stop ends the store as Ctrl-C does.
func (s *running) stop() error {
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
		return nil
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		return errNoStop
	}
}

// tool runs a command of the program against the store.
func (s *running) tool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(s.program, append(args, "--addresses", s.file)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%v: %s", args, stderr.String())
	return string(out)
}

type row = map[string]any

func (s *running) rows(t *testing.T, args ...string) []row {
	t.Helper()
	var rows []row
	out := s.tool(t, append(args, "--json")...)
	require.NoError(t, json.Unmarshal([]byte(out), &rows), out)
	return rows
}

func (s *running) sql(t *testing.T, format string, args ...any) []row {
	t.Helper()
	return s.rows(t, "sql", fmt.Sprintf(format, args...))
}

// missing skips the test for want of a runtime, or fails it where CI=true.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// installed is the path of a program that the machine has.
func installed(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "%s is not installed", strings.Join(names, " or "))
	return ""
}

// python is an interpreter with deploy/e2e/requirements.txt.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ERRATA_PYTHON")
	if path == "" {
		path, _ = filepath.Abs("../../../.cache/venv/bin/python")
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, "no Python with the clients (make venv): %v", err)
	}
	return path
}

// freePort is one below those that the kernel gives to connections and to port
// 0: nobody takes it before the client does.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := fmt.Sprint(20000 + rand.IntN(12000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port below 32768")
	return ""
}

// process is a client, or what a client needs beside it.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	out   bytes.Buffer
}

// start runs a program in a process group of its own until the end of the test.
func start(t *testing.T, dir string, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(name), cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop sends SIGINT, for on SIGTERM several clients lose their last data.
func (p *process) stop(t *testing.T) {
	t.Helper()
	group := -p.cmd.Process.Pid
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not stop", p.name)
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // Children that it left behind, if any.
}

// ends waits until the process ends by itself, and returns its exit code.
func (p *process) ends(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Fatalf("%s does not end: %s", p.name, p.out.String())
		return -1
	}
}

// wait expects that the process ends by itself with success.
func (p *process) wait(t *testing.T) {
	t.Helper()
	require.Equal(t, 0, p.ends(t), "%s: %s", p.name, p.out.String())
}

// answers waits until the address is served.
func (p *process) answers(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended: %s", p.name, p.out.String())
		default:
		}
		require.True(t, time.Now().Before(deadline), "%s does not answer", p.name)
	}
}

// call makes one request of an application and expects a status.
func call(t *testing.T, method, target string, status int, headers ...string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	require.NoError(t, err)
	req.Close = true // An application may close what it failed on.
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var answer bytes.Buffer
	_, err = answer.ReadFrom(resp.Body)
	if status != 0 {
		require.NoError(t, err)
		require.Equal(t, status, resp.StatusCode, "%s %s: %s", method, target, answer.String())
	}
}

const (
	wait = 30 * time.Second
	tick = 100 * time.Millisecond
)

// answer is what a server says to GET; empty where it does not answer.
func answer(t *testing.T, target string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	var body bytes.Buffer
	_, _ = body.ReadFrom(resp.Body)
	return body.String()
}
