package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"errata/command/connect"
	"errata/deploy/bench"
)

type benchCmd struct {
	connect.Flags
	DSN          string         `name:"dsn" help:"Where to send; default: the DSN of the running store."`
	OTLP         string         `name:"otlp" help:"Base URL of OTLP/HTTP; default: the running store's."`
	Mode         string         `help:"What to send." enum:"envelope,store,otlp" default:"envelope"`
	Encoding     string         `help:"Encoding of OTLP." enum:"protobuf,json" default:"protobuf"`
	Gzip         bool           `help:"Compress bodies."`
	Rate         float64        `help:"Events a second, open loop; 0 sends as fast as answers come (closed loop)."`
	Callers      int            `help:"Connections." default:"16"`
	Duration     time.Duration  `help:"How long to send." default:"10s"`
	Events       int            `help:"Stop after so many events; 0 is by duration alone."`
	Fingerprints int            `help:"Different issues; with fewer than 6 flood mode counts most events without their bodies." default:"100"`
	Users        int            `help:"Different users." default:"10000"`
	Batch        int            `help:"Spans a request, with OTLP." default:"1"`
	Duplicates   float64        `help:"Share of accepted requests that are sent once more with the same ids."`
	Verify       bool           `help:"Compare every accepted id with what the store holds."`
	Wait         time.Duration  `help:"How long to wait for the last event." default:"60s"`
	PIDs         map[string]int `name:"pids" help:"Processes whose CPU and memory count, as name=pid; default: those of the running store."`
	AllowAway    bool           `help:"Allow a target beyond this machine: a store of your own."`
	JSON         bool           `name:"json" help:"Print the report as JSON."`
	Quiet        bool           `help:"Print no progress."`
}

// Run sends a load and prints what it measured; it fails where Verify does.
func (c *benchCmd) Run(ctx context.Context) error {
	cfg := bench.Config{DSN: c.DSN, OTLP: c.OTLP, Mode: c.Mode, JSON: c.Encoding == "json", Gzip: c.Gzip, Rate: c.Rate, Callers: c.Callers, Duration: c.Duration,
		Events: c.Events, Fingerprints: c.Fingerprints, Users: c.Users, Batch: c.Batch, Duplicates: c.Duplicates, Verify: c.Verify, Wait: c.Wait, PIDs: c.PIDs, AllowAway: c.AllowAway}
	if a, _, err := c.Locate(); err == nil {
		if cfg.DSN == "" {
			cfg.DSN = a.DSN
		}
		if cfg.OTLP == "" && a.OTLPHTTP != "" {
			cfg.OTLP = "http://" + strings.TrimPrefix(a.OTLPHTTP, "http://")
		}
		if cfg.PIDs == nil {
			cfg.PIDs = a.Pids
		}
	} else if cfg.DSN == "" {
		return err
	}
	if ch, err := c.Login("errata"); err == nil {
		cfg.ClickHouse, cfg.User, cfg.Password = ch.Addr, ch.User, ch.Password
	} else if c.Verify {
		return err
	}
	if !c.Quiet && !c.JSON {
		cfg.Progress = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	r, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("cannot print the report: %w", err)
		}
	} else {
		r.Print(os.Stdout)
	}
	if r.Verified != nil && !r.Verified.OK {
		return errors.New("verify failed: the store does not hold each accepted event exactly once; `errata doctor --check-counts` says where")
	}
	return nil
}
