// Package clickhouse runs ClickHouse as a supervised child of this process.
// A folder, addresses and passwords come in; a server with the users errata,
// reader and triage goes out, started again when it dies and gone when its
// parent is. It never creates a database or a table: migrations do that.
//
// The engine is libchdb.so, loaded by the child itself (RunChild, the hidden
// subcommand clickhouse-child), or a clickhouse binary where one is named.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"errata/deploy/local/supervise"
)

// Users that every server has. Passwords must name all of them.
var Users = []string{"errata", "reader", "triage"}

// Config says where the server lives and what it may use.
type Config struct {
	Dir    string // Data, configuration and lock; made where missing.
	LogDir string // clickhouse.log and clickhouse.out; Dir where empty.

	// Child is the command line that ends in RunChild, without its arguments,
	// such as {"/path/errata", "clickhouse-child"}.
	Child []string

	Library string // libchdb.so; found by FindLibrary where empty.
	Binary  string // A clickhouse binary to run instead of the library.

	NativeAddr string // host:port; port 0 means any free one. 127.0.0.1:0 where empty.
	HTTPAddr   string // Likewise.

	Passwords   map[string]string // By user name; see Users.
	MemoryBytes int64             // DefaultMemoryBytes where zero.

	ReadyTimeout time.Duration // One minute where zero.
	Logger       *slog.Logger
}

// Server is a running ClickHouse.
type Server struct {
	native, http *net.TCPAddr // The engine's own.
	gate         *gate        // Before the native port; nil with a binary.
	reserved     []io.Closer  // Ports of the engine, held over its restarts.
	process      *supervise.Process
	passwords    map[string]string
	client       *http.Client
	logger       *slog.Logger
}

// Start writes the configuration, starts the child and returns when it answers
// queries of user errata on both ports.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	for _, dir := range []string{cfg.Dir, cfg.LogDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("cannot make the folder of ClickHouse: %w", err)
		}
	}
	// A free port may be taken by somebody else before the child has it.
	attempts := 1
	if strings.HasSuffix(cfg.NativeAddr, ":0") || strings.HasSuffix(cfg.HTTPAddr, ":0") {
		attempts = 3
	}
	for {
		s, err := start(ctx, cfg)
		attempts--
		if err == nil || attempts == 0 || ctx.Err() != nil || !strings.Contains(err.Error(), "Address already in use") {
			return s, err
		}
	}
}

func (cfg *Config) complete() error {
	for _, user := range Users {
		if cfg.Passwords[user] == "" {
			return fmt.Errorf("cannot start ClickHouse: no password for user %s", user)
		}
	}
	if len(cfg.Child) == 0 {
		return errors.New("cannot start ClickHouse: no command line for the child")
	}
	if cfg.NativeAddr == "" {
		cfg.NativeAddr = "127.0.0.1:0"
	}
	if cfg.HTTPAddr == "" {
		cfg.HTTPAddr = "127.0.0.1:0"
	}
	if cfg.MemoryBytes == 0 {
		cfg.MemoryBytes = DefaultMemoryBytes
	}
	if cfg.LogDir == "" {
		cfg.LogDir = cfg.Dir
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return fmt.Errorf("cannot find the folder of ClickHouse: %w", err)
	}
	if cfg.LogDir, err = filepath.Abs(cfg.LogDir); err != nil {
		return fmt.Errorf("cannot find the folder of logs: %w", err)
	}
	if cfg.Binary == "" && cfg.Library == "" {
		cfg.Library, err = FindLibrary(filepath.Dir(cfg.Dir))
	}
	return err
}

func start(ctx context.Context, cfg Config) (_ *Server, err error) {
	s := &Server{passwords: cfg.Passwords, logger: cfg.Logger, client: &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
	engine := cfg.NativeAddr
	if cfg.Binary == "" {
		l, err := listen(cfg.NativeAddr)
		if err != nil {
			return nil, fmt.Errorf("cannot start ClickHouse: cannot listen on %s: %w", cfg.NativeAddr, err)
		}
		s.gate = &gate{listener: l, password: s.passwordOf, exists: s.exists}
		engine = "127.0.0.1:0"
		defer func() {
			if err != nil {
				_ = l.Close()
			}
		}()
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.native, err = s.claim(engine); err != nil {
		return nil, fmt.Errorf("cannot start ClickHouse: %w", err)
	}
	if s.http, err = s.claim(cfg.HTTPAddr); err != nil {
		return nil, fmt.Errorf("cannot start ClickHouse: %w", err)
	}
	if err := newSettings(cfg, s.native, s.http).write(cfg.Dir); err != nil {
		return nil, err
	}
	output := filepath.Join(cfg.LogDir, "clickhouse.out")
	if err := os.Remove(output); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot begin a new %s: %w", output, err)
	}
	s.process, err = supervise.Start(ctx, supervise.Config{
		Name:         "ClickHouse",
		Command:      func() *exec.Cmd { return command(cfg) },
		Output:       output,
		Ready:        s.ping,
		ReadyTimeout: cfg.ReadyTimeout,
		Logger:       cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, lastLines(output))
	}
	if s.gate != nil {
		s.gate.behind = hostPort(s.native)
		s.gate.serve()
	}
	return s, nil
}

// claim finds a port for the engine and keeps it until release.
func (s *Server) claim(addr string) (*net.TCPAddr, error) {
	a, held, err := reserve(addr)
	if err == nil {
		s.reserved = append(s.reserved, held)
	}
	return a, err
}

func (s *Server) release() {
	for _, held := range s.reserved {
		_ = held.Close()
	}
}

func command(cfg Config) *exec.Cmd {
	args := append([]string{}, cfg.Child[1:]...)
	args = append(args, "--dir", cfg.Dir)
	if cfg.Binary != "" {
		args = append(args, "--binary", cfg.Binary)
	} else {
		args = append(args, "--library", cfg.Library)
	}
	cmd := exec.Command(cfg.Child[0], args...)
	if cfg.Binary == "" {
		// The library does not read the time zone of config.xml.
		cmd.Env = append(allocator(os.Environ()), "TZ=UTC")
	}
	return cmd
}

// allocator is the environment of the embedded engine: blocks come every second
// or so, and memory that goes back to the kernel between two of them comes back
// page by page, a sixth of an insert's CPU time. Large pieces, as the payloads of
// one block are, would go back at once whatever the decay is, so they are kept where
// all others are: nothing is as large as 1 TiB. An oversize_threshold of 0 would turn
// that off for all arenas but the first, which was made before it is read and keeps
// 8 MiB. The engine still gives memory back when it nears its limit.
func allocator(environ []string) []string {
	const name = "JE_MALLOC_CONF="
	for _, e := range environ {
		if strings.HasPrefix(e, name) {
			return environ
		}
	}
	return append(environ, name+"thp:always,dirty_decay_ms:30000,oversize_threshold:1099511627776")
}

// ping asks as user errata: another server on the same port would refuse.
func (s *Server) ping(ctx context.Context) error {
	if _, err := s.query(ctx, "SELECT 1", nil); err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", hostPort(s.native))
	if err != nil {
		return err
	}
	return conn.Close()
}

// query asks over HTTP, which unlike the native port may be asked anything.
func (s *Server) query(ctx context.Context, query string, params url.Values) (string, error) {
	target := "http://" + hostPort(s.http) + "/?" + params.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(query))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-ClickHouse-User", "errata")
	req.Header.Set("X-ClickHouse-Key", s.passwords["errata"])
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answer %d: %s", resp.StatusCode, body)
	}
	return strings.TrimSpace(string(body)), err
}

func (s *Server) passwordOf(user string) (string, bool) {
	if user == "default" {
		return "", true
	}
	password, known := s.passwords[user]
	return password, known
}

func (s *Server) exists(ctx context.Context, database string) error {
	n, err := s.query(ctx, "SELECT count() FROM system.databases WHERE name = {name:String}", url.Values{"param_name": {database}})
	if err != nil {
		return fmt.Errorf("cannot look for database %s: %w", database, err)
	}
	if n != "1" {
		return fmt.Errorf("Database %s does not exist", database) //nolint:staticcheck // As a server says it.
	}
	return nil
}

func lastLines(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil || len(raw) == 0 {
		return ""
	}
	if len(raw) > 600 {
		raw = raw[len(raw)-600:]
	}
	return ": " + strings.TrimSpace(string(raw))
}

// Addr is host:port of the native protocol.
func (s *Server) Addr() string {
	if s.gate != nil {
		return s.gate.listener.Addr().String()
	}
	return hostPort(s.native)
}

// EngineAddr is the native protocol without the gate, for parts that know their
// password and database: a wrong one ends the embedded engine.
func (s *Server) EngineAddr() string { return hostPort(s.native) }

// HTTPAddr is host:port of the HTTP interface.
func (s *Server) HTTPAddr() string { return hostPort(s.http) }

// Password is that of one of Users.
func (s *Server) Password(user string) string { return s.passwords[user] }

// PID is the process id of the child, 0 while it is being started again.
func (s *Server) PID() int { return s.process.PID() }

// Restarts counts how often the child died and was started again.
func (s *Server) Restarts() int { return s.process.Restarts() }

// Stop shuts the server down and waits until it is gone. The engine sometimes
// aborts while it ends, most often when it is stopped right after its start;
// what it had acknowledged is on disk then as after kill -9, so that is noted
// and no failure.
func (s *Server) Stop() error {
	if s.gate != nil {
		s.gate.stop()
	}
	err := s.process.Stop()
	s.release()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGABRT {
			s.logger.Warn("ClickHouse aborted while it was ending; nothing acknowledged is lost")
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("cannot stop ClickHouse cleanly: %w", err)
	}
	return nil
}
