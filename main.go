// Command errata is the error store: edge, consumer, embedded parts and tools
// in one binary. This package wires and runs; logic lives in the rooms below.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"errata/command/issue"
	"errata/command/project"
	"errata/command/rules"
	"errata/deploy/local/timers"
)

type cli struct {
	Up      upCmd              `cmd:"" help:"Run the whole store with embedded ClickHouse and broker."`
	Ingest  ingestCmd          `cmd:"" help:"Run the edge: Sentry and OTLP in, Kafka out."`
	Consume consumeCmd         `cmd:"" help:"Run the consumer: Kafka in, ClickHouse out."`
	Migrate migrateCmd         `cmd:"" help:"Create or update the ClickHouse schema."`
	Project project.Command    `cmd:"" help:"Create, list and show projects."`
	Key     project.KeyCommand `cmd:"" help:"Create, list and disable the keys of a project."`
	Issue   issue.Command      `cmd:"" help:"List, show and triage issues."`
	Query   queryCmd           `cmd:"" help:"Run a named query of the catalog."`
	SQL     sqlCmd             `cmd:"" name:"sql" help:"Run SQL as the read-only user."`
	Rules   rules.Command      `cmd:"" help:"Check, compare and apply the grouping rules of a project."`
	Regroup rules.Regroup      `cmd:"" help:"Group stored events again: see what would change, make it so, take it back."`
	Scrub   scrubCmd           `cmd:"" help:"Say what scrubbing rules would take out of stored events."`
	Where   whereCmd           `cmd:"" help:"Say what became of one event."`
	Doctor  doctorCmd          `cmd:"" help:"Check the store and say what to do."`
	Replay  replayCmd          `cmd:"" help:"Send dead letters through again."`
	Backup  backupCmd          `cmd:"" help:"Put the store into one file, also while it runs."`
	Restore restoreCmd         `cmd:"" help:"Make a store's folder from a backup."`
	Bench   benchCmd           `cmd:"" help:"Load the store and measure it."`

	ClickhouseChild clickhouseChildCmd `cmd:"" name:"clickhouse-child" hidden:"" help:"Run the embedded ClickHouse in this process."`
	Pause           pauseCmd           `cmd:"" hidden:"" help:"Hold a process group until the input ends."`
}

// timerSlack is by how much timers of the whole store may be late (docs/adr/067).
const timerSlack = 500 * time.Microsecond

func main() {
	if len(os.Args) > 1 && os.Args[1] == "up" {
		// Before anything that a program which begins again would lose. Where it cannot
		// be had, the store runs as well, for more CPU time.
		_ = timers.Late(timerSlack)
	}
	if len(os.Args) == 1 {
		os.Args = append(os.Args, "--help") // Who does not know a command yet is told of all.
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("errata"),
		kong.Description("An analytics event store for errors: any Sentry SDK or OpenTelemetry exporter in, SQL out."),
		kong.ShortUsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)), kong.Exit(exitCode))
	if err := k.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "errata: "+err.Error())
		os.Exit(1)
	}
}

// exitCode turns kong's usage failures into 2; 0 and 1 stay.
func exitCode(code int) {
	if code != 0 && code != 1 {
		code = 2
	}
	os.Exit(code)
}
