package store

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"errata/grafana-plugin/pkg/edge"
)

// ErrSettings is returned for settings that a person must correct.
var ErrSettings = errors.New("wrong settings of the data source")

// Settings is what the configuration page writes; see datasource/types.ts.
type Settings struct {
	Address        string `json:"address"` // host:port of the native protocol.
	Database       string `json:"database"`
	Username       string `json:"username"`
	TriageUsername string `json:"triageUsername"`
	TLS            bool   `json:"tls"`
	TLSSkipVerify  bool   `json:"tlsSkipVerify"`
	TimeoutSeconds int    `json:"timeoutSeconds"`
	MaxRows        int    `json:"maxRows"`
	TriageRole     string `json:"triageRole"` // Editor, Admin, Viewer, nobody.
	Edges          string `json:"edges"`      // host:port of each edge, commas between.
	TracesUID      string `json:"tracesDatasourceUid"`
	TracesKind     string `json:"tracesDatasourceKind"` // tempo, jaeger.

	Certificate    string `json:"-"` // Of the client, where the server asks for one.
	Key            string `json:"-"`
	Password       string `json:"-"`
	TriagePassword string `json:"-"`
	CA             string `json:"-"`
}

// Bounds of what the settings may ask for. The reader's profile refuses longer
// queries.
const (
	maxTimeout = 30
	hardRows   = 100_000
)

// ReadSettings reads and completes the settings. What is wrong with them is
// said when the data source is asked, so that Grafana can show it.
func ReadSettings(given backend.DataSourceInstanceSettings) (Settings, error) {
	s := Settings{}
	if len(given.JSONData) > 0 {
		if err := json.Unmarshal(given.JSONData, &s); err != nil {
			return s, fmt.Errorf("%w: they cannot be read: %w", ErrSettings, err)
		}
	}
	or := func(v *string, fallback string) {
		if *v = strings.TrimSpace(*v); *v == "" {
			*v = fallback
		}
	}
	or(&s.Address, strings.TrimPrefix(given.URL, "clickhouse://"))
	or(&s.Database, "errata")
	or(&s.Username, "reader")
	or(&s.TriageUsername, "triage")
	or(&s.TriageRole, "Editor")
	or(&s.TracesKind, "tempo")
	if s.TimeoutSeconds <= 0 || s.TimeoutSeconds > maxTimeout {
		s.TimeoutSeconds = maxTimeout
	}
	if s.MaxRows <= 0 || s.MaxRows > hardRows {
		s.MaxRows = 1000
	}
	s.Password = given.DecryptedSecureJSONData["password"]
	s.TriagePassword = given.DecryptedSecureJSONData["triagePassword"]
	s.CA = given.DecryptedSecureJSONData["tlsCACert"]
	s.Certificate, s.Key = given.DecryptedSecureJSONData["tlsClientCert"], given.DecryptedSecureJSONData["tlsClientKey"]
	return s, s.check()
}

func (s *Settings) check() error {
	if s.Address == "" {
		return fmt.Errorf("%w: the ClickHouse address is missing: give host:port of the native protocol, as errata up prints it", ErrSettings)
	}
	if strings.Contains(s.Address, "@") {
		return fmt.Errorf("%w: the ClickHouse address holds an @: a DSN is for SDKs, and users have fields of their own; give host:port of ClickHouse's native protocol", ErrSettings)
	}
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		return fmt.Errorf("%w: the ClickHouse address %q must be host:port of the native protocol, without http://", ErrSettings, s.Address)
	}
	if !slices.Contains([]string{"Editor", "Admin", "Viewer", "nobody"}, s.TriageRole) {
		return fmt.Errorf("%w: who may triage is Editor, Admin, Viewer or nobody, not %q", ErrSettings, s.TriageRole)
	}
	if !slices.Contains([]string{"tempo", "jaeger"}, s.TracesKind) {
		return fmt.Errorf("%w: the kind of the traces data source is tempo or jaeger, not %q", ErrSettings, s.TracesKind)
	}
	if _, err := edge.Addresses(s.Edges); err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	_, err := s.tls()
	return err
}

func (s *Settings) tls() (*tls.Config, error) {
	if !s.TLS {
		return nil, nil
	}
	host, _, _ := net.SplitHostPort(s.Address)
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.TLSSkipVerify} //nolint:gosec // A person's choice, with a warning beside it.
	if s.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(s.CA)) {
			return nil, fmt.Errorf("%w: the CA certificate is not PEM", ErrSettings)
		}
	}
	if s.Certificate != "" || s.Key != "" {
		// What the parser says may quote the key: it stays out of the error.
		pair, err := tls.X509KeyPair([]byte(s.Certificate), []byte(s.Key))
		if err != nil {
			return nil, fmt.Errorf("%w: the client certificate and its key are not a pair in PEM: give both", ErrSettings)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Timeout is how long one question may take.
func (s *Settings) Timeout() time.Duration { return time.Duration(s.TimeoutSeconds) * time.Second }
