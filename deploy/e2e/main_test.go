// Package e2e runs the built program as a user does and drives it with the real
// clients: what README promises must come true here. It only asks by the doors
// that people have: HTTP, OTLP, SQL and the command line.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestMain(m *testing.M) {
	if os.Getenv("ERRATA_E2E") == "" && os.Getenv("ERRATA_INTEGRATION") == "" {
		fmt.Println("skipped: set ERRATA_E2E=1 (make e2e) or ERRATA_INTEGRATION=1 (make integration)")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func needE2E(t *testing.T) {
	t.Helper()
	if os.Getenv("ERRATA_E2E") == "" {
		t.Skip("set ERRATA_E2E=1 (make e2e)")
	}
}

// binary is the program under test: ERRATA_BINARY, else built once.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("ERRATA_BINARY"); path != "" {
		return path, nil
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".cache", "test", "errata")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build errata: %w: %s", err, out)
	}
	return path, nil
})

func errata(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return exec.Command(path, args...)
}

// python is an interpreter with deploy/e2e/requirements.txt; without one the
// test is skipped, or fails where CI=true.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ERRATA_PYTHON")
	if path == "" {
		path, _ = filepath.Abs("../../.cache/venv/bin/python")
	}
	if _, err := os.Stat(path); err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("no Python with the clients (make venv): %v", err)
	} else if err != nil {
		t.Skipf("no Python with the clients (make venv): %v", err)
	}
	return path
}

// sharedDir is a folder of test data that lives beside the checkout.
func sharedDir(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../../shared", name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("no shared test data: %v", err)
	} else if err != nil {
		t.Skipf("no shared test data: %v", err)
	}
	return path
}

// addresses is what a client needs of addresses.json.
type addresses struct {
	DSN            string         `json:"dsn"`
	HTTP           string         `json:"http"`
	OTLPHTTP       string         `json:"otlp_http"`
	OTLPGRPC       string         `json:"otlp_grpc"`
	ClickHouse     string         `json:"clickhouse"`
	ClickHouseHTTP string         `json:"clickhouse_http"`
	Broker         string         `json:"broker"`
	Pids           map[string]int `json:"pids"`
}

// store is a running `errata up`.
type store struct {
	addresses
	dir   string
	args  []string
	cmd   *exec.Cmd
	ended chan struct{}
	took  time.Duration // From the call to ready.
	said  *bytes.Buffer // Its output; to be read when it ended.
}

var anyPort = []string{
	"--http", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0",
	"--clickhouse", "127.0.0.1:0", "--clickhouse-http", "127.0.0.1:0", "--broker", "127.0.0.1:0",
}

// up starts a store on dir until the end of the test.
func up(t *testing.T, dir string, args ...string) *store {
	t.Helper()
	s := &store{dir: dir, args: append(append([]string{"up", "--data", dir}, anyPort...), args...)}
	s.run(t)
	t.Cleanup(func() { s.stop(t) })
	return s
}

// upAgain is up for a store that is stopped and started again: its addresses
// stay, as clients need it. They lie outside of the range from which the kernel
// gives ports to others meanwhile.
func upAgain(t *testing.T, dir string) *store {
	t.Helper()
	var args []string
	for _, flag := range []string{"--http", "--otlp-http", "--otlp-grpc", "--clickhouse", "--clickhouse-http", "--broker"} {
		args = append(args, flag, "127.0.0.1:"+lowPort(t))
	}
	return up(t, dir, args...)
}

// ports are those that lowPort has given: one store takes several before it starts.
var ports sync.Map

// lowPort is a port for what cannot take port 0: one that no connection and no
// port 0 of another process gets before it is taken.
func lowPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := fmt.Sprint(20000 + rand.IntN(12000))
		if _, given := ports.LoadOrStore(port, true); given {
			continue
		}
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port below 32768")
	return ""
}

func (s *store) run(t *testing.T) {
	t.Helper()
	begin := time.Now()
	s.cmd = errata(t, s.args...)
	output := &bytes.Buffer{}
	s.said, s.cmd.Stdout, s.cmd.Stderr = output, output, output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, s.cmd.Start())
	s.ended = make(chan struct{})
	cmd, ended := s.cmd, s.ended
	go func() { _ = cmd.Wait(); close(ended) }()
	file := filepath.Join(s.dir, "addresses.json")
	for deadline := begin.Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.ended:
			t.Fatalf("errata up ended: %s", output.String())
		default:
		}
		// A file of the life before may still be there after kill -9.
		raw, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(raw, &s.addresses) == nil && s.Pids["errata"] == cmd.Process.Pid {
			break
		}
		require.True(t, time.Now().Before(deadline), "errata up is not ready: %s", output.String())
	}
	s.took = time.Since(begin)
}

// stop ends the store as Ctrl-C does.
func (s *store) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		t.Error("errata up does not stop within a minute")
	}
}

// kill ends the store as kill -9 does.
func (s *store) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

func (s *store) secret(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, "secrets.json"))
	require.NoError(t, err)
	var all map[string]string
	require.NoError(t, json.Unmarshal(raw, &all))
	return all[name]
}

// ask runs SQL as the read-only user.
func (s *store) ask(ctx context.Context, password, query string) ([]map[string]any, error) {
	target := "http://" + s.ClickHouseHTTP + "/?database=errata&default_format=JSON&output_format_json_quote_64bit_integers=0"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(query))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-ClickHouse-User", "reader")
	req.Header.Set("X-ClickHouse-Key", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answer %d: %s", resp.StatusCode, raw)
	}
	var answer struct {
		Data []map[string]any `json:"data"`
	}
	return answer.Data, json.Unmarshal(raw, &answer)
}

func (s *store) sql(t *testing.T, format string, args ...any) []map[string]any {
	t.Helper()
	query := fmt.Sprintf(format, args...)
	rows, err := s.ask(t.Context(), s.secret(t, "reader"), query)
	require.NoError(t, err, query)
	return rows
}

// eventually asks until check is content with the rows.
func (s *store) eventually(t *testing.T, query string, check func(rows []map[string]any) bool) []map[string]any {
	t.Helper()
	var rows []map[string]any
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		rows = s.sql(t, "%s", query)
		if check(rows) {
			return rows
		}
		if time.Now().After(deadline) {
			shown, _ := json.MarshalIndent(rows, "", " ")
			t.Fatalf("%s\nlast gave %s", query, shown)
		}
	}
}

// drained waits until the consumer has committed all that is on the topics.
func (s *store) drained(t *testing.T) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(s.Broker), Timeout: 10 * time.Second, Transport: transport}
	offsets, partitions := map[string][]kafka.OffsetRequest{}, map[string][]int{}
	meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: schema.Topics})
	require.NoError(t, err)
	for _, topic := range meta.Topics {
		for _, p := range topic.Partitions {
			offsets[topic.Name] = append(offsets[topic.Name], kafka.LastOffsetOf(p.ID))
			partitions[topic.Name] = append(partitions[topic.Name], p.ID)
		}
	}
	require.Eventually(t, func() bool {
		ends, err := client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: offsets})
		if err != nil {
			return false
		}
		done, err := client.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "errata", Topics: partitions})
		if err != nil {
			return false
		}
		for _, topic := range schema.Topics {
			committed := map[int]int64{}
			for _, p := range done.Topics[topic] {
				committed[p.Partition] = p.CommittedOffset
			}
			for _, p := range ends.Topics[topic] {
				if at, known := committed[p.Partition]; p.LastOffset > 0 && (!known || at < p.LastOffset) {
					return false
				}
			}
		}
		return true
	}, 3*time.Minute, 20*time.Millisecond, "the consumer does not catch up")
}

func rowsAre(n int) func([]map[string]any) bool {
	return func(rows []map[string]any) bool { return len(rows) == n }
}

// tool runs a command of the program against this store.
func (s *store) tool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := errata(t, append(args, "--addresses", filepath.Join(s.dir, "addresses.json"))...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%v: %s%s", args, out, stderr.String())
	return string(out)
}

// app is a uvicorn process that serves apps/NAME/main.py.
type app struct {
	url   string
	cmd   *exec.Cmd
	ended chan struct{}
	out   bytes.Buffer
}

func startApp(t *testing.T, name string, env ...string) *app {
	t.Helper()
	interpreter, port := python(t), lowPort(t)
	a := &app{url: "http://127.0.0.1:" + port, ended: make(chan struct{})}
	a.cmd = exec.Command(interpreter, "-m", "uvicorn", "main:app", "--port", port, "--log-level", "warning")
	a.cmd.Dir = filepath.Join("apps", name)
	a.cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	a.cmd.Env = append(a.cmd.Env, env...)
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.out
	require.NoError(t, a.cmd.Start())
	go func() { _ = a.cmd.Wait(); close(a.ended) }()
	t.Cleanup(func() { a.stop(t) })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(a.url + "/")
		if err == nil {
			_ = resp.Body.Close()
			return a
		}
		select {
		case <-a.ended:
			t.Fatalf("the application ended: %s", a.out.String())
		default:
		}
		require.True(t, time.Now().Before(deadline), "the application does not answer")
	}
}

// stop sends SIGINT: uvicorn takes its clients' last data along on SIGTERM.
func (a *app) stop(t *testing.T) {
	t.Helper()
	_ = a.cmd.Process.Signal(os.Interrupt)
	select {
	case <-a.ended:
	case <-time.After(30 * time.Second):
		_ = a.cmd.Process.Kill()
		t.Error("the application does not stop")
	}
}

func (a *app) get(t *testing.T, path string, status int) {
	t.Helper()
	resp, err := http.Get(a.url + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, path)
}

// dsnParts splits a DSN into the base URL, the key and the project.
func dsnParts(t *testing.T, dsn string) (base, key, project string) {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	return u.Scheme + "://" + u.Host, u.User.Username(), strings.TrimPrefix(u.Path, "/")
}

var errStatus = errors.New("unexpected status")
