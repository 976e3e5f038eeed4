package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafka "github.com/segmentio/kafka-go"

	"errata/consumer/fetch"
	"errata/consumer/gather"
	"errata/consumer/letter"
	"errata/consumer/meter"
	"errata/consumer/overdue"
	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/schema"
)

// Consumer is one member of the consumer group.
type Consumer struct {
	cfg     Config
	client  *kafka.Client
	fetches *fetch.Client
	sink    *sink.Sink
	letters *letter.Writer
	metrics *meter.Metrics
	memory  *gather.Memory
	pace    gather.Pace
	turn    gather.Turn
	ages    gather.Range
	blocks  pool

	mu      sync.Mutex
	columns table.Types

	drain   chan struct{}  // Closed when partitions should finish what they have.
	drained chan struct{}  // Closed when all of them did.
	working sync.WaitGroup // Partitions at work.
}

// New checks the configuration; nothing is dialled yet.
func New(cfg Config) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s, err := sink.New(cfg.ClickHouse)
	if err != nil {
		return nil, err
	}
	c := &Consumer{cfg: cfg, sink: s, metrics: meter.New(), memory: gather.NewMemory(cfg.MemoryBytes), turn: gather.NewTurn(cfg.MemoryBytes),
		ages:  gather.Range{Least: cfg.MinAge, Most: cfg.MaxAge},
		drain: make(chan struct{}), drained: make(chan struct{})}
	return c, nil
}

// Collector returns the consumer's metrics.
func (c *Consumer) Collector() prometheus.Collector { return c.metrics }

func (c *Consumer) draining() bool {
	select {
	case <-c.drain:
		return true
	default:
		return false
	}
}

func (c *Consumer) types() table.Types {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.columns
}

// Run consumes until ctx ends, then stores and commits what it has read, and
// leaves the group. It is called once. It returns an error only where it can
// never work: the tables do not suit this build.
func (c *Consumer) Run(ctx context.Context) error {
	transport := c.cfg.Transport
	if transport == nil {
		own := &kafka.Transport{ClientID: "errata-consumer", Dial: c.cfg.Dial, TLS: c.cfg.TLS, SASL: c.cfg.SASL, DialTimeout: 5 * time.Second, MetadataTTL: 10 * time.Second, IdleTimeout: 60 * time.Second}
		defer own.CloseIdleConnections()
		transport = own
		c.cfg.Transport = own
	}
	c.client = &kafka.Client{Addr: kafka.TCP(c.cfg.Brokers...), Transport: transport, Timeout: 15 * time.Second}
	c.fetches = &fetch.Client{Addr: c.client.Addr, Transport: transport, ClientID: "errata-consumer", Timeout: c.client.Timeout}
	c.letters = letter.NewWriter(c.cfg.Brokers, c.cfg.Transport, c.cfg.TopicPrefix)
	defer c.letters.Close()
	defer c.sink.Close()

	if err := c.learnTypes(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if c.cfg.Dialer == nil && (c.cfg.TLS != nil || c.cfg.SASL != nil) {
		c.cfg.Dialer = &kafka.Dialer{ClientID: "errata-consumer", DialFunc: c.cfg.Dial, Timeout: 10 * time.Second, TLS: c.cfg.TLS, SASLMechanism: c.cfg.SASL}
	}
	topics := make([]string, 0, len(schema.Topics))
	for _, t := range schema.Topics {
		topics = append(topics, c.cfg.TopicPrefix+t)
	}
	// Who waits for a rebalance gives up after Timeout more, and joins again. The
	// embedded broker counts the time of a rebalance anew with each join: two members
	// that give up sooner than twice that time keep each other waiting for ever.
	rebalance := max(c.cfg.SessionTimeout, 10*time.Second)
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: c.cfg.Group, Brokers: c.cfg.Brokers, Dialer: c.cfg.Dialer, Topics: topics,
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}}, SessionTimeout: c.cfg.SessionTimeout,
		HeartbeatInterval: c.cfg.SessionTimeout / 5, RebalanceTimeout: rebalance, Timeout: rebalance + 5*time.Second, JoinGroupBackoff: 200 * time.Millisecond,
		WatchPartitionChanges: true, StartOffset: kafka.FirstOffset})
	if err != nil {
		return fmt.Errorf("cannot join the consumer group %s: %w", c.cfg.Group, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.generations(ctx, group)
	}()
	var watching sync.WaitGroup
	watching.Go(func() { c.watchLag(ctx) })
	if c.cfg.MonitorEvery > 0 {
		watching.Go(func() {
			overdue.Watch{Client: c.client, Sink: c.sink, Types: c.types, Topic: c.cfg.TopicPrefix + schema.TopicSessions, Group: c.cfg.Group,
				Every: c.cfg.MonitorEvery, Log: c.cfg.Log}.Run(ctx)
		})
	}
	defer watching.Wait()
	<-ctx.Done()
	c.mu.Lock() // What starts now is waited for, or does not start.
	close(c.drain)
	c.mu.Unlock()
	c.awaitDrain()
	close(c.drained)
	err = group.Close()
	<-done
	if err != nil && !errors.Is(err, kafka.ErrGroupClosed) {
		c.cfg.Log.Info("leaving the consumer group failed; its partitions move on after the session timeout", "cause", err)
	}
	return nil
}

func (c *Consumer) awaitDrain() {
	finished := make(chan struct{})
	go func() {
		c.working.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-time.After(c.cfg.DrainTimeout):
		c.cfg.Log.Warn("stopping with a block not stored; the next life stores it")
	}
}

// learnTypes asks ClickHouse for the columns, waiting for it to come up and to
// be migrated.
func (c *Consumer) learnTypes(ctx context.Context) error {
	told, since := time.Time{}, time.Now()
	for {
		types, err := c.sink.Types(ctx)
		if err == nil {
			if _, err = table.NewSet(types); err == nil {
				c.mu.Lock()
				c.columns = types
				c.mu.Unlock()
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, table.ErrColumn) && time.Since(since) > schemaPatience {
			return err
		}
		if time.Since(told) > 10*time.Second {
			c.cfg.Log.Warn("waiting for ClickHouse", "cause", err)
			told = time.Now()
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// schemaPatience is how long a migration may run beside a starting consumer.
const schemaPatience = 30 * time.Second

func (c *Consumer) generations(ctx context.Context, group *kafka.ConsumerGroup) {
	for {
		gen, err := group.Next(ctx)
		if errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			c.cfg.Log.Info("joining the consumer group again", "cause", err)
			sleep(ctx, 200*time.Millisecond)
			continue
		}
		for topic, assigned := range gen.Assignments {
			for _, a := range assigned {
				c.start(gen, topic, a.ID)
			}
		}
	}
}

// start runs one partition for the life of a generation, unless the consumer
// drains.
func (c *Consumer) start(gen *kafka.Generation, topic string, id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining() {
		return
	}
	p := &partition{c: c, gen: gen, topic: topic, id: id, metrics: c.metrics.Partition(topic, id),
		log: c.cfg.Log.With("topic", topic, "partition", id, "generation", gen.ID)}
	c.working.Add(1)
	gen.Start(func(ctx context.Context) {
		p.run(ctx)
		c.working.Done()
		// The generation ends when one of its functions returns: the others
		// still have blocks to finish.
		if c.draining() {
			select {
			case <-c.drained:
			case <-ctx.Done():
			}
		}
	})
}
