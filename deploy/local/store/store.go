// Package store runs the whole of Errata in one process tree: embedded
// ClickHouse, embedded broker, migrations, consumer and edge, in this order, and
// ends them in the opposite one. A data folder and addresses come in; a store
// that accepts events goes out. It never decides what becomes of an event: it
// only starts, wires and stops the parts that do.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"errata/consumer"
	"errata/consumer/sink"
	"errata/deploy/local/backup"
	"errata/deploy/local/broker"
	"errata/deploy/local/clickhouse"
	"errata/deploy/local/folder"
	"errata/ingest"
	"errata/ingest/directory"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
	"errata/schema/tables"
)

// Config is what `errata up` takes from its flags. Addresses are host:port;
// port 0 means any free one.
type Config struct {
	Data string // Folder of the store, made where missing.

	HTTP           string
	OTLPHTTP       string
	OTLPGRPC       string
	ClickHouse     string
	ClickHouseHTTP string
	Broker         string

	AddressesFile string // Gets a second copy of addresses.json; empty: none.

	ClickHouseChild   []string // Command line of the ClickHouse child process.
	ClickHouseBinary  string   // A clickhouse binary instead of the library.
	ClickHouseLibrary string   // Empty: found.
	ClickHouseMemory  int64    // Bytes.

	Partitions  int   // Of each topic.
	BrokerBytes int64 // Cap of the log of all topics.
	SyncWrites  bool  // Every acknowledgement waits for the disk.

	OTLPAnonymous  bool
	TrustForwarded bool

	Program string    // How this program was called, for the next step; errata where empty.
	Out     io.Writer // Gets the summary once ready.
	Logger  *slog.Logger
}

// stopTimeout bounds the end of the edge: requests in flight and the spool.
const stopTimeout = 10 * time.Second

// lookEvery is how often it is looked which processes there are: a child that
// was started again has another id.
const lookEvery = 500 * time.Millisecond

// parts are what runs, in the order of their start.
type parts struct {
	cfg        Config
	secrets    Secrets
	registry   *prometheus.Registry
	clickhouse *clickhouse.Server
	broker     *broker.Broker
	consuming  chan error         // Gets the consumer's end.
	drain      context.CancelFunc // Ends the consumer.
	edge       *ingest.Server
	project    schema.Project
	key        schema.Key
	child      int // Process id of ClickHouse that the addresses name.
}

// Run starts the store, says so, and returns after ctx ended and everything
// stopped, or with the error that ended it.
func Run(ctx context.Context, cfg Config) (err error) {
	if cfg.Data, err = filepath.Abs(cfg.Data); err != nil {
		return fmt.Errorf("cannot find the data folder: %w", err)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w", err)
	}
	lock, err := folder.Lock(cfg.Data, 0)
	if errors.Is(err, folder.ErrInUse) {
		return fmt.Errorf("cannot start: another errata runs on %s; stop it, or give this one a folder of its own with --data DIR", cfg.Data)
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	p := &parts{cfg: cfg, registry: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, p.stop()) }()
	// The files name a store that is ready: not yet, and not any more.
	if err := p.removeAddresses(); err != nil {
		return err
	}
	if err := backup.Sweep(cfg.Data); err != nil {
		cfg.Logger.Warn("what a killed backup left takes space", "cause", err)
	}
	begin := time.Now()
	if err := p.start(ctx); err != nil {
		return err
	}
	if err := p.announce(time.Since(begin)); err != nil {
		return err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			_, _ = fmt.Fprintln(cfg.Out, "Stopping ...")
			return nil
		case err := <-p.consuming:
			p.consuming <- nil
			return fmt.Errorf("cannot go on without the consumer: %w", errors.Join(err, ctx.Err()))
		case <-look.C:
			// A disk that is full now has room later.
			if err := p.writeAddresses(); err != nil && ctx.Err() == nil {
				cfg.Logger.Warn("addresses name a process that is gone", "cause", err)
			}
		}
	}
}

func (p *parts) start(ctx context.Context) error {
	var err error
	if p.secrets, err = loadSecrets(filepath.Join(p.cfg.Data, "secrets.json")); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		p.startClickHouse, p.startBroker, p.migrate, p.startConsumer, p.startEdge,
	} {
		if err := step(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parts) startClickHouse(ctx context.Context) (err error) {
	p.clickhouse, err = clickhouse.Start(ctx, clickhouse.Config{
		Dir: filepath.Join(p.cfg.Data, "clickhouse"), LogDir: filepath.Join(p.cfg.Data, "logs"),
		Child: p.cfg.ClickHouseChild, Library: p.cfg.ClickHouseLibrary, Binary: p.cfg.ClickHouseBinary,
		NativeAddr: p.cfg.ClickHouse, HTTPAddr: p.cfg.ClickHouseHTTP,
		Passwords: p.secrets.passwords(), MemoryBytes: p.cfg.ClickHouseMemory, Logger: p.cfg.Logger,
	})
	if err != nil {
		return err
	}
	p.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "errata_clickhouse_restarts_total", Help: "How often the embedded ClickHouse died and was started again.",
	}, func() float64 { return float64(p.clickhouse.Restarts()) }))
	return nil
}

func (p *parts) startBroker(ctx context.Context) (err error) {
	p.broker, err = broker.Start(ctx, broker.Config{
		Dir: filepath.Join(p.cfg.Data, "broker"), Addr: p.cfg.Broker,
		Topics: schema.Topics, DeadTopics: []string{schema.TopicDead}, Partitions: p.cfg.Partitions,
		Group: consumer.Defaults().Group, MaxBytes: p.cfg.BrokerBytes, SyncWrites: p.cfg.SyncWrites,
		Logger: p.cfg.Logger,
	})
	if err != nil {
		return err
	}
	p.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "errata_broker_log_bytes", Help: "Size of the embedded broker's log.",
		}, func() float64 { return float64(p.broker.Bytes()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "errata_broker_full", Help: "1 while unread records reach the cap or the disk is nearly full, and the edge refuses.",
		}, func() float64 {
			if p.broker.Full() != "" {
				return 1
			}
			return 0
		}))
	return nil
}

func (p *parts) migrate(ctx context.Context) error {
	conn, err := queries.Dial(ctx, queries.Config{
		Addr: p.clickhouse.EngineAddr(), Database: "default", User: "errata", Password: p.secrets.Errata,
	})
	if err != nil {
		return err
	}
	err = tables.Migrate(ctx, conn, tables.Options{User: "errata", Password: p.secrets.Errata})
	if err := errors.Join(err, conn.Close()); err != nil {
		return err
	}
	conn, err = queries.Dial(ctx, queries.Config{Addr: p.clickhouse.EngineAddr(), User: "errata", Password: p.secrets.Errata})
	if err != nil {
		return err
	}
	p.project, p.key, err = projects.Ensure(ctx, conn, "default", p.secrets.DefaultKey)
	return errors.Join(err, conn.Close())
}

// blockBytes bounds a block by what ClickHouse may allocate: while it is stored,
// a block takes up to five times its bytes, and a block that does not fit would
// be tried for ever. A small cap gets smaller blocks, not a store that stands.
func blockBytes(most int, memory int64) int {
	if memory == 0 {
		memory = clickhouse.DefaultMemoryBytes
	}
	return int(min(int64(most), memory/8))
}

func (p *parts) startConsumer(context.Context) error {
	cfg := consumer.Defaults()
	cfg.Brokers, cfg.Dial = []string{p.broker.Addr()}, p.broker.Dial
	cfg.ClickHouse = sink.Options{Addrs: []string{p.clickhouse.EngineAddr()}, Password: p.secrets.Errata}
	cfg.Log = p.cfg.Logger
	cfg.BatchBytes = blockBytes(cfg.BatchBytes, p.cfg.ClickHouseMemory)
	c, err := consumer.New(cfg)
	if err != nil {
		return err
	}
	p.registry.MustRegister(c.Collector())
	// Not under the context of the process: the edge ends first.
	ctx, cancel := context.WithCancel(context.Background())
	p.drain, p.consuming = cancel, make(chan error, 1)
	go func() { p.consuming <- c.Run(ctx) }()
	return nil
}

func (p *parts) startEdge(ctx context.Context) (err error) {
	p.edge, err = ingest.New(ingest.Config{
		HTTP: p.cfg.HTTP, OTLPHTTP: p.cfg.OTLPHTTP, OTLPGRPC: p.cfg.OTLPGRPC,
		Kafka:          []string{p.broker.Addr()},
		KafkaDial:      p.broker.Dial,
		ClickHouse:     directory.ClickHouseConfig{Addr: []string{p.clickhouse.EngineAddr()}, User: "errata", Password: p.secrets.Errata},
		Data:           p.cfg.Data,
		OTLPAnonymous:  p.cfg.OTLPAnonymous,
		TrustForwarded: p.cfg.TrustForwarded,
		Full:           p.broker.Full,
		Logger:         p.cfg.Logger,
		Registry:       p.registry,
	})
	if err != nil {
		return err
	}
	// Not under the context of the process: stop ends it, in its turn.
	if err := p.edge.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return p.waitReady(ctx)
}

// stop ends what was started, last first. What was acknowledged is on disk
// whatever fails here.
func (p *parts) stop() error {
	err := p.removeAddresses()
	if p.edge != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		err = errors.Join(err, p.edge.Stop(ctx))
		cancel()
	}
	if p.drain != nil {
		p.drain()
		if e := <-p.consuming; e != nil && !errors.Is(e, context.Canceled) {
			err = errors.Join(err, e)
		}
	}
	if p.broker != nil {
		p.broker.Stop()
	}
	if p.clickhouse != nil {
		err = errors.Join(err, p.clickhouse.Stop())
	}
	return err
}

// reachable is the address that a client on this machine uses.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
