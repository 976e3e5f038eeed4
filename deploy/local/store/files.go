package store

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Secrets are the passwords of ClickHouse's users and the key of the default
// project. They are made on the first start and kept in a file that only its
// owner reads.
type Secrets struct {
	Errata     string `json:"errata"`
	Reader     string `json:"reader"`
	Triage     string `json:"triage"`
	DefaultKey string `json:"default_key"`
}

func (s Secrets) passwords() map[string]string {
	return map[string]string{"errata": s.Errata, "reader": s.Reader, "triage": s.Triage}
}

var keyForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

func loadSecrets(path string) (Secrets, error) {
	var s Secrets
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for _, at := range []*string{&s.Errata, &s.Reader, &s.Triage, &s.DefaultKey} {
			b := make([]byte, 16)
			if _, err := rand.Read(b); err != nil {
				return s, fmt.Errorf("cannot make passwords: %w", err)
			}
			*at = hex.EncodeToString(b)
		}
		return s, writeJSON(path, s)
	case err != nil:
		return s, fmt.Errorf("cannot read the passwords: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("cannot read %s: it is not JSON; remove it to have new passwords made", path)
	}
	if s.Errata == "" || s.Reader == "" || s.Triage == "" || !keyForm.MatchString(s.DefaultKey) {
		return s, fmt.Errorf("cannot use %s: it must name errata, reader, triage and default_key (32 hex digits); remove it to have new ones made", path)
	}
	// Somebody may have copied the folder without its modes.
	if err := os.Chmod(path, 0o600); err != nil {
		return s, fmt.Errorf("cannot protect the passwords: %w", err)
	}
	return s, nil
}

// Addresses say where a running store is. The file exists only while it is
// ready.
type Addresses struct {
	DSN            string         `json:"dsn"`
	Project        uint32         `json:"project"`
	HTTP           string         `json:"http"`
	OTLPHTTP       string         `json:"otlp_http"`
	OTLPGRPC       string         `json:"otlp_grpc"`
	ClickHouse     string         `json:"clickhouse"`
	ClickHouseHTTP string         `json:"clickhouse_http"`
	Broker         string         `json:"broker"`
	Pids           map[string]int `json:"pids"`
	Data           string         `json:"data"`
}

func (p *parts) addressFiles() []string {
	files := []string{filepath.Join(p.cfg.Data, "addresses.json")}
	if p.cfg.AddressesFile != "" {
		files = append(files, p.cfg.AddressesFile)
	}
	return files
}

func (p *parts) removeAddresses() error {
	for _, file := range p.addressFiles() {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove the addresses of the last start: %w", err)
		}
	}
	return nil
}

// writeJSON replaces the file as a whole: a reader never sees half of it.
func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // Mode 0600.
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	_, err = f.Write(append(raw, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
