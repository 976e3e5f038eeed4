package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"errata/deploy/local/heap"
	"errata/deploy/local/store"
)

type upCmd struct {
	profileFlags
	Data string `help:"Folder of the store, made where missing." default:"./errata-data" env:"ERRATA_DATA" type:"path"`

	HTTP           string `name:"http" help:"Sentry and OTLP over HTTP." default:"127.0.0.1:8000" placeholder:"HOST:PORT"`
	OTLPHTTP       string `name:"otlp-http" help:"OTLP over HTTP on its usual port." default:"127.0.0.1:4318" placeholder:"HOST:PORT"`
	OTLPGRPC       string `name:"otlp-grpc" help:"OTLP over gRPC." default:"127.0.0.1:4317" placeholder:"HOST:PORT"`
	Clickhouse     string `help:"ClickHouse, native protocol." default:"127.0.0.1:9000" placeholder:"HOST:PORT"`
	ClickhouseHTTP string `name:"clickhouse-http" help:"ClickHouse over HTTP." default:"127.0.0.1:8123" placeholder:"HOST:PORT"`
	Broker         string `help:"Embedded broker, Kafka protocol; on 127.0.0.1 only." default:"127.0.0.1:9092" placeholder:"HOST:PORT"`
	Addresses      string `help:"Also write the addresses into this file once ready." type:"path" placeholder:"FILE"`

	ClickhouseBinary  string `help:"Run this clickhouse binary instead of the embedded engine." placeholder:"FILE"`
	ClickhouseLibrary string `help:"File libchdb.so of the embedded engine; default: as make fetched it." env:"LIBCHDB" type:"path" placeholder:"FILE"`
	ClickhouseMemory  int64  `name:"clickhouse-memory-mib" help:"What ClickHouse may use, in MiB." default:"1536"`

	Partitions     int    `help:"Partitions of each topic; more let more consumers share, fewer make larger batches." default:"1"`
	BrokerBytes    int64  `name:"broker-mib" help:"Most that the broker keeps, in MiB; beyond it clients get 503 until the consumer has caught up." default:"256"`
	SyncWrites     bool   `help:"Let every acknowledgement wait for the disk: safe from power cuts, slower."`
	OTLPAnonymous  bool   `name:"otlp-anonymous" help:"Take OTLP without a key from other machines too."`
	TrustForwarded bool   `help:"Take the client's address from X-Forwarded-For; behind a proxy only."`
	LogLevel       string `help:"debug, info, warn or error, for logs/errata.log." enum:"debug,info,warn,error" default:"info"`
}

// Run runs the store until SIGINT or SIGTERM.
func (c *upCmd) Run(ctx context.Context) error {
	if err := c.serve(ctx); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	logger, closeLog, err := openLog(filepath.Join(c.Data, "logs"), c.LogLevel)
	if err != nil {
		return err
	}
	defer closeLog()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(768 << 20) // With ClickHouse's share it fits a machine of 4 GiB.
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // Little lives long here; the limit above still holds.
	}
	// One of Go's processors more than there are cores: requests go on while one of
	// them computes, or waits for ClickHouse to leave a core. With twice as many a
	// thread is woken for each step of a request and finds nothing to do (docs/adr/067).
	if n := runtime.GOMAXPROCS(0); os.Getenv("GOMAXPROCS") == "" && n <= 4 {
		runtime.GOMAXPROCS(n + 1)
	}
	// Under load the heap has some hundred MiB, which small pages reach by way of
	// memory again and again (docs/adr/043).
	// Its first seconds are as the others are: collections and new pages made the
	// slowest of a hundred requests of a young store (docs/adr/074).
	defer runtime.KeepAlive(heap.Floor(32 << 20))
	if err := heap.Large(384<<20, 96<<20); err != nil {
		logger.Info("the heap stays on small pages", "cause", err)
	}
	// After the first signal the second one ends the process at once, which
	// loses nothing that was acknowledged either.
	context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGINT, syscall.SIGTERM) })
	return store.Run(ctx, store.Config{
		Data: c.Data, HTTP: c.HTTP, OTLPHTTP: c.OTLPHTTP, OTLPGRPC: c.OTLPGRPC,
		ClickHouse: c.Clickhouse, ClickHouseHTTP: c.ClickhouseHTTP, Broker: c.Broker, AddressesFile: c.Addresses,
		ClickHouseChild: []string{self, "clickhouse-child"}, ClickHouseBinary: c.ClickhouseBinary,
		ClickHouseLibrary: c.ClickhouseLibrary, ClickHouseMemory: c.ClickhouseMemory << 20,
		Partitions: c.Partitions, BrokerBytes: c.BrokerBytes << 20, SyncWrites: c.SyncWrites,
		OTLPAnonymous: c.OTLPAnonymous, TrustForwarded: c.TrustForwarded,
		Program: os.Args[0], Out: os.Stdout, Logger: logger,
	})
}

// openLog writes everything into a file and what a person must see to stderr.
func openLog(dir, level string) (*slog.Logger, func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("cannot make the folder of logs: %w", err)
	}
	path := filepath.Join(dir, "errata.log")
	if info, err := os.Stat(path); err == nil && info.Size() > 20<<20 {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, nil, fmt.Errorf("cannot rotate the log: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open the log: %w", err)
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("cannot use log level %s: %w", level, err)
	}
	return slog.New(slog.NewMultiHandler(
		slog.NewJSONHandler(f, &slog.HandlerOptions{Level: l}),
		slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}),
	)), func() { _ = f.Close() }, nil
}
