// Package broker runs a Kafka-compatible broker in this process for a store
// without a cluster. A folder and a port come in; an address that any Kafka
// client talks to goes out. Records that the consumer has not committed are
// never deleted: where they would outgrow their cap, Full says so and the edge
// must refuse. It never reads a record and knows nothing of events.
//
// The engine is franz-go's kfake with its log on disk. It acknowledges when the
// kernel has the bytes: nothing acknowledged is lost when the process is
// killed, and what a power cut can take is bounded by SyncEvery.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"errata/deploy/local/folder"
)

// Defaults of Config.
const (
	DefaultMaxBytes  = 256 << 20
	DefaultLeastFree = 64 << 20
	DefaultSyncEvery = 250 * time.Millisecond
	segmentBytes     = 16 << 20
	deadBytes        = 32 << 20
)

// Config says where the broker lives and what it keeps.
type Config struct {
	Dir  string // Made where missing.
	Addr string // host:port on loopback; port 0 means any free one, which is the default.

	Topics     []string // Kept until Group has committed them.
	DeadTopics []string // Nobody commits these: the oldest 32 MiB go first.
	Partitions int      // Of each topic; one where zero. It can grow, not shrink.
	Group      string   // The consumer group whose commits allow trimming.

	// MaxBytes caps the log of all topics together, on disk and, since the
	// engine reads it all when it starts, in memory then. DefaultMaxBytes where
	// zero.
	MaxBytes int64
	// LeastFree is what the disk must have free for Full not to say so:
	// DefaultLeastFree where zero.
	LeastFree int64

	SyncWrites bool          // Every acknowledgement waits for the disk.
	SyncEvery  time.Duration // Otherwise the disk is asked this often.
	TrimEvery  time.Duration // One second where zero.
	LockWait   time.Duration // For another broker to leave the folder.

	Logger *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	cfg     Config
	cluster *kfake.Cluster
	client  *kgo.Client
	addr    string
	inside  *inside
	unwatch func() // Nil without a cluster.
	lock    *os.File

	full   atomic.Pointer[string] // Why nothing more can be written; nil while it can.
	bytes  atomic.Int64
	synced map[string]int64 // File -> size that is on disk for sure.

	stop chan struct{}
	done sync.WaitGroup
	once sync.Once
}

// Start opens the folder, loads what is there and returns when the topics
// exist and clients are answered.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	port, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the broker: %w", err)
	}
	lock, err := folder.Lock(cfg.Dir, cfg.LockWait)
	if err != nil {
		return nil, fmt.Errorf("cannot start the broker: %w", err)
	}
	b := &Broker{cfg: cfg, lock: lock, synced: map[string]int64{}, stop: make(chan struct{})}
	if err := b.start(ctx, port); err != nil {
		b.shut()
		return nil, err
	}
	return b, nil
}

func (b *Broker) start(ctx context.Context, port int) error {
	if err := b.open(port); err != nil {
		return err
	}
	// A power cut can take the newest records but leave the commit that says
	// they were read. Offsets must not be given out twice: move the end of the
	// log up to the commit.
	behind, err := b.behindCommits(ctx)
	if err != nil {
		return err
	}
	if len(behind) > 0 {
		b.closeEngine()
		for _, p := range behind {
			b.cfg.Logger.Warn("the log ends before what was committed, moving its end", "topic", p.topic,
				"partition", p.partition, "end", p.end, "committed", p.committed)
			if err := b.moveEnd(p); err != nil {
				return err
			}
		}
		if err := b.open(port); err != nil {
			return err
		}
	}
	if err := b.ensureTopics(ctx); err != nil {
		return err
	}
	if err := b.keepOnce(ctx); err != nil {
		return err
	}
	b.done.Add(1)
	go b.keep()
	return nil
}

func (cfg *Config) complete() (port int, err error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	host, text, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return 0, fmt.Errorf("cannot use the broker address %s: %w", cfg.Addr, err)
	}
	if host != "127.0.0.1" && host != "localhost" {
		return 0, fmt.Errorf("cannot use the broker address %s: the embedded broker listens on 127.0.0.1 only; run Apache Kafka for more", cfg.Addr)
	}
	if port, err = strconv.Atoi(text); err != nil {
		return 0, fmt.Errorf("cannot use the broker address %s: %w", cfg.Addr, err)
	}
	if cfg.Dir == "" || cfg.Group == "" || len(cfg.Topics) == 0 {
		return 0, errors.New("cannot start the broker: Dir, Group and Topics must be set")
	}
	cfg.Partitions = max(cfg.Partitions, 1)
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.LeastFree == 0 {
		cfg.LeastFree = DefaultLeastFree
	}
	if cfg.SyncEvery == 0 {
		cfg.SyncEvery = DefaultSyncEvery
	}
	if cfg.TrimEvery == 0 {
		cfg.TrimEvery = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return port, nil
}

func (b *Broker) open(port int) error {
	opts := []kfake.Opt{
		kfake.Ports(port), kfake.DataDir(b.cfg.Dir), kfake.ClusterID("errata"),
		kfake.GroupMinSessionTimeout(500 * time.Millisecond),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			if err == nil {
				b.inside = newInside(l)
				l = b.inside
			}
			return l, err
		}),
		kfake.WithLogger(&engineLogger{log: b.cfg.Logger, told: map[string]time.Time{}}),
		kfake.BrokerConfigs(map[string]string{
			"group.initial.rebalance.delay.ms": "0",
			"log.cleaner.backoff.ms":           "60000",
			// The default of a week would forget what was committed while the
			// store was off, and all of it would be read again.
			"offsets.retention.minutes": "52560000",
		}),
	}
	if b.cfg.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return fmt.Errorf("cannot start the broker on %s: %w", b.cfg.Addr, err)
	}
	b.cluster = cluster
	room := newRoom(b.cfg.Dir, b.cfg.Logger)
	(&joins{room: room}).watch(cluster)
	room.watch(cluster)
	b.unwatch = Watch(cluster)
	b.addr = cluster.ListenAddrs()[0]
	b.client, err = kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return fmt.Errorf("cannot reach the broker: %w", err)
	}
	return nil
}

// Addr is host:port for Kafka clients.
func (b *Broker) Addr() string { return b.addr }

// Dial connects to the broker without the kernel's network: for clients in this
// process. Any other address is dialled as ever.
func (b *Broker) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == b.addr {
		return b.inside.memory.Dial()
	}
	return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, address)
}

// Full says why nothing more can be written, empty while it can: records not yet
// committed reach the cap, or the disk is nearly full. Whoever writes must refuse
// until it is over.
func (b *Broker) Full() string {
	if why := b.full.Load(); why != nil {
		return *why
	}
	return ""
}

// Bytes is the size of the log on disk, at most TrimEvery old.
func (b *Broker) Bytes() int64 { return b.bytes.Load() }

// Stop writes everything to disk and gives the folder back.
func (b *Broker) Stop() {
	b.once.Do(func() {
		close(b.stop)
		b.done.Wait()
		b.shut()
	})
}

func (b *Broker) closeEngine() {
	if b.client != nil {
		b.client.Close()
	}
	if b.cluster != nil {
		if b.unwatch != nil {
			b.unwatch()
		}
		b.cluster.Close()
	}
	b.client, b.cluster = nil, nil
}

func (b *Broker) shut() {
	b.closeEngine()
	if err := b.syncFiles(); err != nil {
		b.cfg.Logger.Error("the broker's log may not be on disk", "error", err)
	}
	_ = b.lock.Close()
}

// engineLogger passes on what the engine warns of, the same not more often than
// once a second: it warns of every record that a full disk does not take.
type engineLogger struct {
	log *slog.Logger

	mu   sync.Mutex
	told map[string]time.Time // By the format.
}

func (l *engineLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelError && level != kfake.LogLevelWarn {
		return
	}
	l.mu.Lock()
	again := time.Since(l.told[format]) < time.Second
	if !again {
		l.told[format] = time.Now()
	}
	l.mu.Unlock()
	switch {
	case again:
	case level == kfake.LogLevelError:
		l.log.Error(fmt.Sprintf(format, args...), "part", "broker")
	default:
		l.log.Warn(fmt.Sprintf(format, args...), "part", "broker")
	}
}
