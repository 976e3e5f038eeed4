// Command queries measures the catalog on much data: it fills a database of
// its own with made events (once), asks each question many times and prints
// the times next to their targets.
//
//	go run ./deploy/bench/queries --clickhouse 127.0.0.1:9000 --password-file FILE --events 20000000
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"errata/queries"
	"errata/schema/tables"
)

type command struct {
	Clickhouse   string        `help:"ClickHouse, host:port of the native protocol." required:""`
	User         string        `help:"User who may create a database." default:"errata"`
	Password     string        `help:"Password." env:"ERRATA_PASSWORD"`
	PasswordFile string        `help:"File that holds the password." type:"path"`
	Database     string        `help:"Database to fill and to ask." default:"bench"`
	Events       uint64        `help:"Events over 90 days." default:"20000000"`
	Runs         int           `help:"Times that each question is asked." default:"20"`
	Only         string        `help:"Only questions whose name holds this."`
	Pause        time.Duration `help:"Between two blocks of the load." default:"0s"`
	Markdown     bool          `help:"Print a Markdown table."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c command
	kong.Parse(&c, kong.Description("Measure the query catalog."))
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "queries: "+err.Error())
		os.Exit(1)
	}
}

func (c *command) run(ctx context.Context) error {
	if c.PasswordFile != "" {
		raw, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return fmt.Errorf("cannot read password: %w", err)
		}
		c.Password = strings.TrimSpace(string(raw))
	}
	cfg := queries.Config{Addr: c.Clickhouse, Database: "default", User: c.User, Password: c.Password}
	conn, err := queries.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	if err := tables.Migrate(ctx, conn, tables.Options{Database: c.Database, User: c.User, Password: c.Password}); err != nil {
		return err
	}
	_ = conn.Close()
	cfg.Database = c.Database
	s, err := queries.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := fill(ctx, s, c.Events, c.Pause); err != nil {
		return err
	}
	return c.measure(ctx, s)
}
