// Package tables holds the ClickHouse schema: the tables (NNN_*.sql, applied
// once, in order) and the views over them (views/NNN_*.sql, replaced whenever
// their text changes). In: a connection and where to put the schema. Out: a
// database at this build's version. It never drops or rewrites a stored row,
// and never goes back.
package tables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/cenkalti/backoff/v5"
)

// Options say where the schema goes.
type Options struct {
	Database string // Default: errata.
	Cluster  string // Name of a cluster; empty for a single server.
	// User and Password are what the server logs in to itself with to read the
	// merge log into its dictionary: those of the connection.
	User     string // Default: errata.
	Password string
	// DryRun, where set, gets the SQL; nothing is applied and conn may be nil.
	DryRun io.Writer
	// Progress, where set, gets a line for each file applied.
	Progress io.Writer
}

func (o Options) withDefaults() Options {
	if o.Database == "" {
		o.Database = "errata"
	}
	if o.User == "" {
		o.User = "errata"
	}
	return o
}

// ErrChanged is returned where a table file differs from what was applied.
var ErrChanged = errors.New("a migration that was applied already has another text now; add a new file instead")

// Migrate brings the database to this build's schema. It may be run again at
// any time, during ingest too, and after a failure in the middle: every
// statement is idempotent. conn must not name a database that does not exist
// yet: connect to `default`.
func Migrate(ctx context.Context, conn driver.Conn, o Options) error {
	o = o.withDefaults()
	all, err := Render(o)
	if err != nil {
		return err
	}
	if o.DryRun != nil {
		return printAll(o, all)
	}
	if err := prepare(ctx, conn, o); err != nil {
		return err
	}
	done, err := applied(ctx, conn, o)
	if err != nil {
		return err
	}
	changed := false // Views depend on each other: from the first changed one on, all are replaced.
	for _, m := range all {
		sum, known := done[m.Name]
		if known && sum == m.Checksum && !(m.Repeatable && changed) {
			continue
		}
		if known && sum != m.Checksum && !m.Repeatable {
			return fmt.Errorf("cannot apply migration %s: %w", m.Name, ErrChanged)
		}
		changed = changed || m.Repeatable
		if err := apply(ctx, conn, o, m); err != nil {
			return err
		}
	}
	return nil
}

func prepare(ctx context.Context, conn driver.Conn, o Options) error {
	on := ""
	if o.Cluster != "" {
		on = " ON CLUSTER " + quoteName(o.Cluster)
	}
	// Atomic is named: the embedded server's own default keeps tables without UUIDs.
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(o.Database)+on+" ENGINE = Atomic"); err != nil {
		return fmt.Errorf("cannot create database %s: %w", o.Database, err)
	}
	engine := "MergeTree"
	if o.Cluster != "" {
		engine = "ReplicatedMergeTree('/clickhouse/tables/all/{database}/migrations', '{replica}')"
	}
	err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+quoteName(o.Database)+".migrations"+on+
		" (name String COMMENT 'File of the migration.', checksum String COMMENT 'SHA-256 of its text, hex.', "+
		"applied_at DateTime64(3, 'UTC') COMMENT 'When it was applied; the newest row of a name holds.') ENGINE = "+engine+" ORDER BY (name, applied_at)")
	if err != nil {
		return fmt.Errorf("cannot create the table of migrations: %w", err)
	}
	return nil
}

func applied(ctx context.Context, conn driver.Conn, o Options) (map[string]string, error) {
	rows, err := conn.Query(ctx, "SELECT name, argMax(checksum, applied_at) FROM "+quoteName(o.Database)+".migrations GROUP BY name")
	if err != nil {
		return nil, fmt.Errorf("cannot read applied migrations: %w", err)
	}
	defer rows.Close()
	done := map[string]string{}
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&name, &sum); err != nil {
			return nil, fmt.Errorf("cannot read applied migrations: %w", err)
		}
		done[name] = sum
	}
	return done, rows.Err()
}

func apply(ctx context.Context, conn driver.Conn, o Options, m Migration) error {
	if r := m.replacement(); len(r.views) > 0 {
		if err := replace(ctx, conn, o, m, r); err != nil {
			return err
		}
	} else if err := execAll(ctx, conn, m, m.Statements); err != nil {
		return err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	// As rows, not as VALUES with an expression for the time: the server parses that
	// twice, and counts an error that somebody who looks for the cause of another finds.
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+quoteName(o.Database)+".migrations (name, checksum, applied_at)")
	if err == nil {
		defer batch.Close()
		err = batch.Append(m.Name, m.Checksum, time.Now().UTC())
	}
	if err == nil {
		err = batch.Send()
	}
	if err != nil {
		return fmt.Errorf("cannot record migration %s: %w", m.Name, err)
	}
	if o.Progress != nil {
		fmt.Fprintf(o.Progress, "applied %s\n", m.Name)
	}
	return nil
}

// execAll does statements of a migration, one after the other.
func execAll(ctx context.Context, conn driver.Conn, m Migration, statements []string) error {
	// Statements with braces ({shard}, {database}) must not be taken for query parameters.
	for _, s := range statements {
		if err := exec(ctx, conn, s); err != nil {
			return fmt.Errorf("cannot apply migration %s at %q: %w", m.Name, head(s), err)
		}
	}
	return nil
}

// exec does one statement. Somebody who migrates at the same time replaces views
// and the dictionary too, and a statement that reads them just then fails: the
// old one is gone and the new one not there yet. Every statement may be done
// again, so it is, until the other must be through.
func exec(ctx context.Context, conn driver.Conn, statement string) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := conn.Exec(ctx, statement)
		if err != nil && !racing(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(&backoff.ExponentialBackOff{InitialInterval: 50 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 1.5, MaxInterval: time.Second}),
		backoff.WithMaxElapsedTime(racePatience))
	return err
}

// racePatience is how long a statement is tried against others who migrate. What
// fails for another reason with the same code is told that much later.
const racePatience = 8 * time.Second

// racing reports whether an error is one that a statement meets beside another
// migration: dictionary not found, table exists, table unknown.
func racing(err error) bool {
	e, ok := errors.AsType[*clickhouse.Exception](err)
	if !ok {
		return false
	}
	switch e.Code {
	case 36:
		return strings.Contains(e.Message, "dictionary")
	case 57, 60:
		return true
	}
	return false
}

// head is a statement's first line, for messages: it never carries a password.
func head(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line[:min(len(line), 160)]
}

func printAll(o Options, all []Migration) error {
	hidden := quoteText(o.Password)
	for _, m := range all {
		if _, err := fmt.Fprintf(o.DryRun, "-- %s\n", m.Name); err != nil {
			return fmt.Errorf("cannot print migrations: %w", err)
		}
		for _, s := range m.Statements {
			if o.Password != "" {
				s = strings.ReplaceAll(s, "PASSWORD "+hidden, "PASSWORD '[HIDDEN]'")
			}
			if _, err := fmt.Fprintf(o.DryRun, "%s;\n\n", s); err != nil {
				return fmt.Errorf("cannot print migrations: %w", err)
			}
		}
	}
	return nil
}

// Pending lists the migrations that this build has and the database has not,
// or has with another text.
func Pending(ctx context.Context, conn driver.Conn, o Options) ([]string, error) {
	o = o.withDefaults()
	all, err := Render(o)
	if err != nil {
		return nil, err
	}
	done, err := applied(ctx, conn, o)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range all {
		if done[m.Name] != m.Checksum {
			out = append(out, m.Name)
		}
	}
	return out, nil
}
