package directory

import (
	"context"
	"crypto/tls"
	_ "embed" // The two questions live in .sql files: Go names no column.
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/schema"
)

//go:embed sql/projects.sql
var projectsSQL string

//go:embed sql/keys.sql
var keysSQL string

// ClickHouseConfig says which server holds the projects.
type ClickHouseConfig struct {
	Addr     []string // Native protocol, host:port.
	Database string   // Empty means errata.
	User     string
	Password string
	TLS      *tls.Config // Nil for a plain connection.
}

// ClickHouse reads projects and keys from their tables.
type ClickHouse struct{ conn driver.Conn }

// NewClickHouse does not connect yet: the edge starts while the server is away.
func NewClickHouse(cfg ClickHouseConfig) (*ClickHouse, error) {
	if cfg.Database == "" {
		cfg.Database = "errata"
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        cfg.Addr,
		Auth:        clickhouse.Auth{Database: cfg.Database, Username: cfg.User, Password: cfg.Password},
		TLS:         cfg.TLS,
		DialTimeout: time.Second, ReadTimeout: 3 * time.Second,
		MaxOpenConns: 2, MaxIdleConns: 1, ConnMaxLifetime: 5 * time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open ClickHouse for projects: %w", err)
	}
	return &ClickHouse{conn: conn}, nil
}

// Load reads both tables.
func (c *ClickHouse) Load(ctx context.Context) (Listing, error) {
	var l Listing
	rows, err := c.conn.Query(ctx, projectsSQL)
	if err != nil {
		return l, fmt.Errorf("cannot read projects: %w", err)
	}
	for rows.Next() {
		var p schema.Project
		if err := rows.Scan(&p.ID, &p.Slug, &p.Name, &p.Platform, &p.RetentionDays, &p.OTLPDefault, &p.Settings, &p.Disabled, &p.UpdatedAt); err != nil {
			_ = rows.Close()
			return l, fmt.Errorf("cannot read a project: %w", err)
		}
		l.Projects = append(l.Projects, p)
	}
	if err := finish(rows); err != nil {
		return l, fmt.Errorf("cannot read projects: %w", err)
	}
	if rows, err = c.conn.Query(ctx, keysSQL); err != nil {
		return l, fmt.Errorf("cannot read keys: %w", err)
	}
	for rows.Next() {
		var k schema.Key
		if err := rows.Scan(&k.ProjectID, &k.Public, &k.Label, &k.Disabled, &k.CreatedAt, &k.Settings); err != nil {
			_ = rows.Close()
			return l, fmt.Errorf("cannot read a key: %w", err)
		}
		l.Keys = append(l.Keys, k)
	}
	if err := finish(rows); err != nil {
		return l, fmt.Errorf("cannot read keys: %w", err)
	}
	return l, nil
}

func finish(rows driver.Rows) error {
	if err := rows.Err(); err != nil {
		_ = rows.Close()
		return err
	}
	return rows.Close()
}

// Close ends the connections.
func (c *ClickHouse) Close() error { return c.conn.Close() }
