package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// store asks what has arrived.
type store struct {
	conn    driver.Conn
	project uint32
	since   time.Time
	otlp    bool
	before  uint64 // What the rollups held of these minutes before the run.
}

// wrongLogin is ClickHouse's code of an unknown user or a wrong password.
const wrongLogin = 516

func openStore(c *Config, project string, since time.Time) (*store, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{c.ClickHouse}, Auth: clickhouse.Auth{Database: "errata", Username: c.User, Password: c.Password},
		Settings: clickhouse.Settings{"max_execution_time": 120}, DialTimeout: 5 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open ClickHouse at %s: %w", c.ClickHouse, err)
	}
	p, err := strconv.ParseUint(project, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("cannot read the project id %q of the DSN: it is a number", project)
	}
	s := &store{conn: conn, project: uint32(p), since: since.Add(-time.Second), otlp: c.Mode == "otlp"}
	// A ClickHouse that was just killed comes again within seconds.
	for asked := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		var refused *clickhouse.Exception
		s.before, err = s.count(context.Background())
		if err == nil || time.Since(asked) > 10*time.Second || errors.As(err, &refused) && refused.Code == wrongLogin {
			break
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot count events at %s: %w", c.ClickHouse, err)
	}
	return s, nil
}

// count is how many events of the run the rollups hold; a rollup, so that
// asking costs the store next to nothing while it is measured.
func (s *store) count(ctx context.Context) (n uint64, err error) {
	err = s.conn.QueryRow(ctx, sqlCount, clickhouse.Named("project", s.project), clickhouse.Named("since", s.since.UTC().Format("2006-01-02 15:04:05"))).Scan(&n)
	return n - min(n, s.before), err
}

// issueEvents is what the issues say of the whole project, and what the events do.
func (s *store) issueEvents(ctx context.Context) (issues, events uint64, err error) {
	if err = s.conn.QueryRow(ctx, sqlIssues, clickhouse.Named("project", s.project)).Scan(&issues); err != nil {
		return
	}
	err = s.conn.QueryRow(ctx, sqlEvents, clickhouse.Named("project", s.project)).Scan(&events)
	return
}

// counted is how many events of the run count without having a row of their own.
func (s *store) counted(ctx context.Context) (int, error) {
	var n uint64
	if err := s.conn.QueryRow(ctx, sqlCounted, clickhouse.Named("project", s.project), clickhouse.Named("since", s.since.UTC().Format("2006-01-02 15:04:05"))).Scan(&n); err != nil {
		return 0, fmt.Errorf("cannot ask how many events of floods are counted: %w", err)
	}
	return int(n), nil //nolint:gosec // No run has so many.
}

// ids gives how often each event of the run is stored with a weight.
func (s *store) ids(ctx context.Context) (map[id]int, error) {
	query := sqlIDs
	if s.otlp {
		query = sqlTraces
	}
	rows, err := s.conn.Query(ctx, query, clickhouse.Named("project", s.project), clickhouse.Named("since", s.since.UTC().Format("2006-01-02 15:04:05")))
	if err != nil {
		return nil, fmt.Errorf("cannot read stored ids: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[id]int{}
	for rows.Next() {
		var u uuid.UUID
		if err := rows.Scan(&u); err != nil {
			return nil, fmt.Errorf("cannot read a stored id: %w", err)
		}
		out[id(u)]++
	}
	return out, rows.Err()
}
