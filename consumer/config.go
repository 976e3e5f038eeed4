// Package consumer moves records from the topics to the tables, each of them
// once in effect, whatever is killed when. In: Kafka and ClickHouse. Out: rows,
// and an outcome for every item. It never answers a question, never changes a
// stored row, and decides nothing by a clock: a row is a function of its record
// and of the records before it in the partition. Check-ins that nobody sent are
// the exception, see consumer/overdue.
package consumer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"errata/consumer/sink"
)

// Config says where from, where to and how much at a time. Start from Defaults.
type Config struct {
	Brokers     []string
	TopicPrefix string // Before the names of schema.Topics.
	Group       string // Consumer group.
	// Dial connects to a broker where Transport is nil; nil means over TCP.
	Dial      func(ctx context.Context, network, addr string) (net.Conn, error) `json:"-"`
	TLS       *tls.Config                                                       `json:"-"` // Of connections to brokers; nil for plain ones.
	SASL      sasl.Mechanism                                                    `json:"-"` // How to log in to them; nil: nobody does.
	Transport kafka.RoundTripper                                                `json:"-"` // Instead of all of these.
	Dialer    *kafka.Dialer                                                     `json:"-"` // The same for the group's own connection.

	ClickHouse sink.Options

	// A block is cut at the first of these.
	BatchRows  int // Rows of all tables together.
	BatchBytes int // Bytes of the records as they came.
	// MinAge is how old a block gets at low rates, MaxAge at high ones.
	MinAge, MaxAge time.Duration
	// MemoryBytes bounds what blocks of all partitions together hold; payloads
	// are packed in them. One block takes half of it at most.
	MemoryBytes int

	// DuplicateRecords is how many records back a repeated id is recognized,
	// DuplicateRows how many stored rows are remembered for it, both over all
	// partitions of a topic, which share them evenly. 0 records: repeated ids are
	// stored again.
	DuplicateRecords int64
	DuplicateRows    int
	// TwinRecords is how many records back a further witness of an occurrence
	// is recognized, shared like DuplicateRecords. 0: every witness counts.
	TwinRecords int64

	// MonitorEvery is how often monitors are judged: which check-ins were missed
	// and which runs never ended. 0: never.
	MonitorEvery time.Duration

	SessionTimeout time.Duration // How long a dead consumer keeps its partitions.
	DrainTimeout   time.Duration // How long a clean stop may take.
	Log            *slog.Logger  `json:"-"`
}

// Defaults returns the configuration without addresses.
func Defaults() Config {
	return Config{
		Group:            "errata",
		BatchRows:        50_000,
		BatchBytes:       192 << 20,
		MinAge:           350 * time.Millisecond,
		MaxAge:           4 * time.Second,
		MemoryBytes:      64 << 20,
		DuplicateRecords: 200_000,
		DuplicateRows:    200_000,
		TwinRecords:      100_000,
		MonitorEvery:     15 * time.Second,
		SessionTimeout:   6 * time.Second,
		DrainTimeout:     15 * time.Second,
	}
}

func (c *Config) validate() error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("cannot consume: no broker is given")
	case c.Group == "":
		return errors.New("cannot consume: the consumer group has no name")
	case c.BatchRows < 1 || c.BatchBytes < 1 || c.MemoryBytes < 1:
		return fmt.Errorf("cannot consume: batch_rows, batch_bytes and memory_bytes must be positive, are %d, %d and %d", c.BatchRows, c.BatchBytes, c.MemoryBytes)
	case c.MinAge <= 0 || c.MaxAge < c.MinAge:
		return fmt.Errorf("cannot consume: need 0 < min_age <= max_age, have %s and %s", c.MinAge, c.MaxAge)
	case c.DuplicateRecords < 0 || c.TwinRecords < 0:
		return errors.New("cannot consume: duplicate_records and twin_records must not be negative; 0 is off")
	case c.DuplicateRecords > 0 && c.DuplicateRows < 1:
		return errors.New("cannot consume: duplicate_rows must be positive")
	}
	if c.SessionTimeout <= 0 {
		c.SessionTimeout = 6 * time.Second
	}
	if c.DrainTimeout <= 0 {
		c.DrainTimeout = 15 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// behind is how many records before the end of the log a partition must be for
// its blocks to be those of a backlog: an eighth of a block.
func (c *Config) behind() int64 { return int64(c.BatchRows+7) / 8 }
