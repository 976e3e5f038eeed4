package clickhouse

import (
	"crypto/sha256"
	_ "embed" // The templates.
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// DefaultMemoryBytes caps what ClickHouse allocates on a machine of 4 GiB.
const DefaultMemoryBytes = 1536 << 20

//go:embed config.xml.tmpl
var configTemplate string

//go:embed users.xml.tmpl
var usersTemplate string

// settings is what the two templates are filled with.
type settings struct {
	ListenHosts       []string
	NativePort        int
	HTTPPort          int
	Path              string // Data, absolute.
	UsersFile         string
	LogFile           string
	MemoryBytes       int64
	QueryMemoryBytes  int64
	ReaderMemoryBytes int64
	SpillBytes        int64
	Threads           int
	Passwords         map[string]string
	RealServer        bool
	Loopback          bool
}

func newSettings(cfg Config, native, http *net.TCPAddr) settings {
	s := settings{
		ListenHosts: []string{native.IP.String()}, NativePort: native.Port, HTTPPort: http.Port,
		Path:        filepath.Join(cfg.Dir, "data"),
		UsersFile:   filepath.Join(cfg.Dir, "users.xml"),
		LogFile:     filepath.Join(cfg.LogDir, "clickhouse.log"),
		MemoryBytes: cfg.MemoryBytes, Passwords: cfg.Passwords,
		Threads: max(2, min(runtime.NumCPU(), 8)), RealServer: cfg.Binary != "",
		Loopback: native.IP.IsLoopback() && http.IP.IsLoopback(),
	}
	if !http.IP.Equal(native.IP) {
		s.ListenHosts = append(s.ListenHosts, http.IP.String())
	}
	s.QueryMemoryBytes = s.MemoryBytes / 4 * 3
	s.ReaderMemoryBytes = s.MemoryBytes / 2
	s.SpillBytes = s.MemoryBytes / 4
	return s
}

// write puts config.xml and users.xml into the folder. Both hold secrets or
// their hashes: only the owner may read them.
func (s settings) write(dir string) error {
	for name, text := range map[string]string{"config.xml": configTemplate, "users.xml": usersTemplate} {
		t, err := template.New(name).Funcs(template.FuncMap{"sha256": sha256Hex, "xml": escape}).Parse(text)
		if err != nil {
			return fmt.Errorf("cannot parse the template of %s: %w", name, err)
		}
		var b strings.Builder
		if err := t.Execute(&b, s); err != nil {
			return fmt.Errorf("cannot fill %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return nil
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func escape(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// portPatience is how long a port that is in use is waited for: the server of a
// store that was killed a moment ago notices that and ends, and has its port
// until then.
const portPatience = 15 * time.Second

func listen(addr string) (net.Listener, error) {
	for started := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		l, err := net.Listen("tcp", addr)
		if !errors.Is(err, syscall.EADDRINUSE) || time.Since(started) > portPatience {
			return l, err
		}
	}
}

// freeAddr turns host:port into an address; port 0 becomes one that is free
// now and stays the same over restarts of the child.
func freeAddr(addr string) (*net.TCPAddr, error) {
	l, err := listen(addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr), nil
}

func hostPort(a *net.TCPAddr) string {
	return net.JoinHostPort(a.IP.String(), strconv.Itoa(a.Port))
}
