package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"errata/command/connect"
	"errata/consumer"
	"errata/consumer/sink"
)

type consumeCmd struct {
	connect.Flags
	profileFlags
	Group       string        `help:"Consumer group." default:"errata" env:"ERRATA_GROUP"`
	TopicPrefix string        `help:"Text before each topic's name." env:"ERRATA_TOPIC_PREFIX"`
	Metrics     string        `help:"Address for /metrics and /healthz; empty: not opened." default:"127.0.0.1:8001" env:"ERRATA_METRICS"`
	BatchRows   int           `help:"Rows of a block at most." default:"50000" env:"ERRATA_BATCH_ROWS"`
	BatchMiB    int           `name:"batch-mib" help:"Records of a block at most, in MiB as they came." default:"192" env:"ERRATA_BATCH_MIB"`
	MemoryMiB   int           `name:"memory-mib" help:"What blocks of all partitions together hold, in MiB; the process takes about 145 more." default:"56" env:"ERRATA_MEMORY_MIB"`
	MinAge      time.Duration `help:"Age of a block when little comes." default:"350ms" env:"ERRATA_MIN_AGE"`
	MaxAge      time.Duration `help:"Age of a block under load." default:"4s" env:"ERRATA_MAX_AGE"`
	Duplicates  int64         `help:"Records back, shared by the partitions of a topic, within which a repeated id is not stored again; 0: off." default:"200000" env:"ERRATA_DUPLICATES"`
	Twins       int64         `help:"Records back, shared by the partitions of a topic, within which a further witness of an occurrence does not count again; 0: off." default:"100000" env:"ERRATA_TWINS"`
}

// Run consumes until the context ends, then stores what it has read.
func (c *consumeCmd) Run(ctx context.Context) error {
	ch, err := c.Login("errata")
	if err != nil {
		return err
	}
	brokers, err := c.Brokers()
	if err != nil {
		return err
	}
	if err := c.serve(ctx); err != nil {
		return err
	}
	debug.SetMemoryLimit(int64(c.MemoryMiB+108) << 20)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	kafkaTLS, login, err := c.KafkaSecurity()
	if err != nil {
		return err
	}
	cfg := consumer.Defaults()
	cfg.TLS, cfg.SASL = kafkaTLS, login
	cfg.Brokers, cfg.TopicPrefix, cfg.Group, cfg.Log = brokers, c.TopicPrefix, c.Group, log
	cfg.ClickHouse = sink.Options{Addrs: []string{ch.Addr}, Database: ch.Database, User: ch.User, Password: ch.Password, TLS: ch.TLS}
	cfg.BatchRows, cfg.BatchBytes, cfg.MemoryBytes = c.BatchRows, c.BatchMiB<<20, c.MemoryMiB<<20
	cfg.MinAge, cfg.MaxAge = c.MinAge, c.MaxAge
	cfg.DuplicateRecords, cfg.TwinRecords = c.Duplicates, c.Twins
	worker, err := consumer.New(cfg)
	if err != nil {
		return err
	}
	if c.Metrics != "" {
		stop, err := serveMetrics(ctx, c.Metrics, worker.Collector())
		if err != nil {
			return err
		}
		defer stop()
	}
	fmt.Printf("consuming from %v into %s\n", brokers, ch.Addr)
	return worker.Run(ctx)
}

// serveMetrics answers /metrics and /healthz until stop is called.
func serveMetrics(ctx context.Context, addr string, c prometheus.Collector) (stop func(), err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	listening, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s for metrics (--metrics HOST:PORT): %w", addr, err)
	}
	go func() {
		if err := server.Serve(listening); err != nil && !errors.Is(err, http.ErrServerClosed) {
			slog.Warn("metrics are not served any more", "cause", err)
		}
	}()
	return func() { _ = server.Close() }, nil
}
