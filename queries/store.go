// Package queries turns tables into answers and takes triage actions in. In:
// a named query of the catalog with typed parameters, or an action with its
// actor. Out: columns and rows. It never computes what a view computes, and
// never builds SQL from a value: parameters travel apart from the text.
package queries

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/issues"
	"errata/queries/newest"
	"errata/queries/release"
)

// Config says where the store is and who asks.
type Config struct {
	Addr     string // host:port of the native protocol.
	Database string // Default: errata.
	User     string
	Password string
	TLS      *tls.Config // Nil for a plain connection.
	// Settings are sent with every query, for example limits of a session.
	Settings map[string]any
}

// Store asks one ClickHouse. It is safe for concurrent use.
type Store struct {
	conn     driver.Conn
	config   Config // Empty where the connection came from elsewhere.
	cards    issues.Cards
	releases release.Numbers
	newest   newest.Kept
	server   asking.Server
}

// Open connects and checks that the store answers.
func Open(ctx context.Context, c Config) (*Store, error) {
	conn, err := Dial(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Store{conn: conn, config: c, server: asking.Server{Conn: conn}}, nil
}

func (c *Config) database() string {
	if c.Database == "" {
		return "errata"
	}
	return c.Database
}

// New wraps a connection that is open already.
func New(conn driver.Conn) *Store { return &Store{conn: conn, server: asking.Server{Conn: conn}} }

// Dial opens a connection with the settings that exact writes need:
// asynchronous inserts are off, which ClickHouse 26.7 turns on by itself.
func Dial(ctx context.Context, c Config) (driver.Conn, error) {
	// Nor is anything compiled on the way, as for readers by their profile: a
	// question of some milliseconds would wait 50 to 150 for it the fourth time.
	settings := clickhouse.Settings{"async_insert": 0, "compile_expressions": 0, "compile_aggregate_expressions": 0, "compile_sort_description": 0}
	if c.User == "reader" || c.User == "triage" {
		settings = clickhouse.Settings{} // A read-only profile may refuse any change of a setting.
	}
	maps.Copy(settings, c.Settings)
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:         []string{c.Addr},
		Auth:         clickhouse.Auth{Database: c.database(), Username: c.User, Password: c.Password},
		Settings:     settings,
		TLS:          c.TLS,
		DialTimeout:  5 * time.Second,
		MaxOpenConns: 8,
		Compression:  &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open ClickHouse at %s: %w", c.Addr, err)
	}
	if err := conn.Ping(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot reach ClickHouse at %s as %s (is the store running?): %w", c.Addr, c.User, err)
	}
	return conn, nil
}

// Conn is the connection, for administration.
func (s *Store) Conn() driver.Conn { return s.conn }

// Close ends the connection.
func (s *Store) Close() error { return s.conn.Close() }
