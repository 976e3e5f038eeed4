// Command catalog measures the catalog on much data: it fills a database of
// its own with made events (once), asks each question many times and prints
// the times next to their targets.
//
//	make bench-queries                      (an engine of its own, data in ./errata-bench)
//	go run ./deploy/bench/catalog --clickhouse 127.0.0.1:9000 --password-file FILE --events 20000000
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"errata/deploy/local/clickhouse"
	"errata/queries"
	"errata/schema/tables"
)

type command struct {
	Clickhouse   string        `help:"ClickHouse, host:port of the native protocol; empty: an embedded one of its own."`
	Data         string        `help:"Folder of the embedded one." default:"./errata-bench" type:"path"`
	Errata       string        `help:"Program that carries the embedded one." default:"bin/errata" type:"path"`
	User         string        `help:"User who may create a database." default:"errata"`
	Password     string        `help:"Password." env:"ERRATA_PASSWORD"`
	PasswordFile string        `help:"File that holds the password." type:"path"`
	Database     string        `help:"Database to fill and to ask." default:"bench"`
	Events       uint64        `help:"Events over 90 days." default:"20000000"`
	Projects     uint64        `help:"Projects that share the events, at most 10; 1: all issues in one project." default:"10"`
	Issues       uint64        `help:"Issues of all projects together, which the events come to by a power law." default:"20000"`
	Days         uint64        `help:"Make the newest of the 90 days only: windows read the same rows then, and filling takes less. A run with more of them continues." default:"90"`
	Just         uint64        `help:"Make the events of this project only (0: of all): what asks for one project reads the same rows then, and filling takes a tenth of the time."`
	Runs         int           `help:"Times that each question is asked; 0: only fill." default:"20"`
	Keep         bool          `help:"Keep the embedded engine afterwards, until interrupted, and say where it is: other programs can be asked in turn then (ERRATA_PASSWORD sets its password)."`
	Only         string        `help:"Only questions whose name holds this."`
	Titled       string        `help:"Only questions whose title holds this, for example 90 days."`
	Pause        time.Duration `help:"Between two blocks of the load." default:"0s"`
	Pid          int           `help:"Process of the server, on this machine: the CPU time of the table is the process's then, planning included, and not what the server says of its queries."`
	Markdown     bool          `help:"Print a Markdown table."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c command
	kong.Parse(&c, kong.Description("Measure the query catalog."))
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "catalog: "+err.Error())
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
	if c.Clickhouse == "" {
		stop, err := c.embedded(ctx)
		if err != nil {
			return err
		}
		defer stop()
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
	if err := c.fill(ctx, s); err != nil {
		return err
	}
	if c.Runs > 0 {
		if err := c.measure(ctx, s); err != nil {
			return err
		}
	}
	if c.Keep {
		fmt.Fprintf(os.Stderr, "kept: --clickhouse %s\n", c.Clickhouse)
		<-ctx.Done()
	}
	return nil
}

// embedded starts an engine on the folder and says where it is.
func (c *command) embedded(ctx context.Context) (func(), error) {
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("cannot make a password: %w", err)
	}
	c.User = "errata"
	if c.Password == "" {
		c.Password = hex.EncodeToString(key)
	}
	server, err := clickhouse.Start(ctx, clickhouse.Config{Dir: c.Data, Child: []string{c.Errata, "clickhouse-child"}, MemoryBytes: 3 << 30,
		Passwords: map[string]string{"errata": c.Password, "reader": c.Password, "triage": c.Password}})
	if err != nil {
		return nil, err
	}
	c.Clickhouse = server.Addr()
	return func() { _ = server.Stop() }, nil
}
