// Package connect finds a store and reaches it: flags that every command of an
// operator takes. In: flags, the addresses file and the passwords of a local
// store. Out: addresses, logins and connections. It asks nothing of the store and
// prints nothing.
package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"errata/queries"
)

// Addresses is what `errata up` writes when it is ready.
type Addresses struct {
	DSN            string         `json:"dsn"`
	Project        uint32         `json:"project"`
	HTTP           string         `json:"http"`
	OTLPHTTP       string         `json:"otlp_http"`
	OTLPGRPC       string         `json:"otlp_grpc"`
	Clickhouse     string         `json:"clickhouse"`
	ClickhouseHTTP string         `json:"clickhouse_http"`
	Broker         string         `json:"broker"`
	Pids           map[string]int `json:"pids"`
	Data           string         `json:"data"`
}

// secrets are the passwords of a local store; the file is readable by its
// owner only.
type secrets struct {
	Errata     string `json:"errata"`
	Reader     string `json:"reader"`
	Triage     string `json:"triage"`
	DefaultKey string `json:"default_key"`
}

// Flags find the store: by the folder of `errata up`, by its addresses
// file, or by explicit addresses. Embed them in a command.
type Flags struct {
	secureFlags
	Data         string   `help:"Folder of errata up." default:"./errata-data" env:"ERRATA_DATA" type:"path"`
	Addresses    string   `help:"Addresses file that errata up wrote; default: addresses.json in the data folder." env:"ERRATA_ADDRESSES" type:"path"`
	Clickhouse   string   `help:"ClickHouse, host:port of the native protocol; instead of the addresses file." env:"ERRATA_CLICKHOUSE"`
	Kafka        []string `help:"Kafka brokers, host:port; instead of the addresses file." env:"ERRATA_KAFKA" sep:","`
	Database     string   `help:"ClickHouse database." default:"errata" env:"ERRATA_DATABASE"`
	User         string   `help:"ClickHouse user; default: the one that the command needs (errata, reader or triage)." env:"ERRATA_USER"`
	Password     string   `help:"Password of the ClickHouse user; better in a file or in the environment." env:"ERRATA_PASSWORD"`
	PasswordFile string   `help:"File that holds the password." env:"ERRATA_PASSWORD_FILE"`
}

// errNoStore is what a command says where it cannot find a store.
var errNoStore = errors.New("no running store found: start one with `errata up`, or name it with --addresses FILE, --data DIR or --clickhouse HOST:PORT")

// Locate reads the addresses file.
func (f *Flags) Locate() (Addresses, string, error) {
	path := f.Addresses
	if path == "" {
		path = filepath.Join(f.Data, "addresses.json")
	}
	var a Addresses
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, path, fmt.Errorf("cannot read %s: %w", path, errNoStore)
	}
	if err != nil {
		return a, path, fmt.Errorf("cannot read addresses: %w", err)
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, path, fmt.Errorf("cannot read addresses in %s: %w", path, err)
	}
	return a, path, nil
}

// Login says where ClickHouse is and how user logs in. user is a default:
// an explicit --user wins.
func (f *Flags) Login(user string) (queries.Config, error) {
	secure, err := f.clickhouseTLS()
	c := queries.Config{Addr: f.Clickhouse, Database: f.Database, User: user, TLS: secure}
	if err != nil {
		return c, err
	}
	if f.User != "" {
		c.User = f.User
	}
	var path string
	if c.Addr == "" {
		a, p, err := f.Locate()
		if err != nil {
			return c, err
		}
		if a.Clickhouse == "" {
			return c, fmt.Errorf("cannot find ClickHouse: %s names none", p)
		}
		c.Addr, path = a.Clickhouse, p
		if a.Data != "" {
			path = filepath.Join(a.Data, "addresses.json")
		}
	}
	password, err := f.password(c.User, path)
	c.Password = password
	return c, err
}

// password takes the explicit one, else that of the local store.
func (f *Flags) password(user, addressesPath string) (string, error) {
	switch {
	case f.PasswordFile != "":
		raw, err := os.ReadFile(f.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("cannot read password file: %w", err)
		}
		return string(bytes.TrimRight(raw, "\r\n")), nil
	case f.Password != "" || addressesPath == "":
		return f.Password, nil
	}
	path := filepath.Join(filepath.Dir(addressesPath), "secrets.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the passwords of the local store (or give --password-file): %w", err)
	}
	var s secrets
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("cannot read %s: it is not JSON", path)
	}
	switch user {
	case "errata":
		return s.Errata, nil
	case "reader":
		return s.Reader, nil
	case "triage":
		return s.Triage, nil
	}
	return "", fmt.Errorf("cannot find a password of user %q: give --password-file", user)
}

// Brokers says where Kafka is.
func (f *Flags) Brokers() ([]string, error) {
	if len(f.Kafka) > 0 {
		return f.Kafka, nil
	}
	a, path, err := f.Locate()
	if err != nil {
		return nil, err
	}
	if a.Broker == "" {
		return nil, fmt.Errorf("cannot find Kafka: %s names none", path)
	}
	return strings.Split(a.Broker, ","), nil
}

// Open connects as user, or as --user where that is given.
func (f *Flags) Open(ctx context.Context, user string) (*queries.Store, error) {
	c, err := f.Login(user)
	if err != nil {
		return nil, err
	}
	return queries.Open(ctx, c)
}

// Edge is where SDKs send to: named, or the local store's.
func (f *Flags) Edge(host string) string {
	if host != "" {
		return host
	}
	if a, _, err := f.Locate(); err == nil && a.HTTP != "" {
		return a.HTTP
	}
	return "localhost:8000"
}
