// Package topics makes the store's topics on a Kafka cluster. Addresses and
// sizes come in; missing topics are created, those that are there stay as they
// are. It reads and writes no records.
package topics

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"errata/schema"
)

// Options say where the topics go and what they are made of.
type Options struct {
	Brokers     []string // host:port.
	Prefix      string   // Before each name.
	Partitions  int      // Of each new topic.
	Replication int      // Copies of each partition, at most as many as brokers.

	TLS  *tls.Config    // Nil for plain connections.
	SASL sasl.Mechanism // Nil: nobody logs in.

	Progress io.Writer // One line a topic; nil for none.
}

// Names lists the topics with a prefix: those that rows are read from, then
// that of dead letters.
func Names(prefix string) []string {
	var out []string
	for _, t := range append(append([]string{}, schema.Topics...), schema.TopicDead) {
		out = append(out, prefix+t)
	}
	return out
}

// check refuses what a broker would refuse with a code.
func (o Options) check() error {
	switch {
	case len(o.Brokers) == 0:
		return errors.New("cannot make topics: no Kafka broker is named: give --kafka HOST:PORT")
	case o.Partitions < 1 || o.Partitions > 1000:
		return fmt.Errorf("cannot make topics: --partitions must be 1 to 1000, is %d", o.Partitions)
	case o.Replication < 1 || o.Replication > 9:
		return fmt.Errorf("cannot make topics: --replication must be 1 to 9, is %d", o.Replication)
	}
	return nil
}

// Ensure creates the topics that are missing. One that is there keeps its
// partitions: more of them would send the repetitions of an id elsewhere than
// the id went, so that is for an operator to decide.
func Ensure(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	transport := &kafka.Transport{TLS: o.TLS, SASL: o.SASL}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(o.Brokers...), Timeout: 30 * time.Second, Transport: transport}

	// Asked for one by one by name, a broker that creates topics by itself would
	// make them with its own sizes: ask for all that there are.
	there, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return fmt.Errorf("cannot list topics of Kafka at %v (where it hangs up: check --kafka-user, its password and --kafka-mechanism, check --kafka-tls): %w", o.Brokers, err)
	}
	known := map[string]int{}
	for _, t := range there.Topics {
		known[t.Name] = len(t.Partitions)
	}
	req := &kafka.CreateTopicsRequest{}
	for _, name := range Names(o.Prefix) {
		if n := known[name]; n > 0 {
			o.say("kept %s, %d partitions\n", name, n)
			continue
		}
		req.Topics = append(req.Topics, kafka.TopicConfig{
			Topic: name, NumPartitions: o.Partitions, ReplicationFactor: o.Replication,
			ConfigEntries: []kafka.ConfigEntry{
				{ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(max(o.Replication-1, 1))},
			},
		})
	}
	if len(req.Topics) == 0 {
		return nil
	}
	res, err := client.CreateTopics(ctx, req)
	if err != nil {
		return fmt.Errorf("cannot create topics on Kafka at %v: %w", o.Brokers, err)
	}
	for _, t := range req.Topics {
		switch err := res.Errors[t.Topic]; {
		case errors.Is(err, kafka.TopicAlreadyExists): // Another migrate was faster.
			o.say("kept %s\n", t.Topic)
		case errors.Is(err, kafka.InvalidReplicationFactor):
			return fmt.Errorf("cannot create topic %s with %d replicas on %d brokers (--replication): %w", t.Topic, o.Replication, len(there.Brokers), err)
		case err != nil:
			return fmt.Errorf("cannot create topic %s: %w", t.Topic, err)
		default:
			o.say("created %s, %d partitions, %d replicas\n", t.Topic, o.Partitions, o.Replication)
		}
	}
	return nil
}

func (o Options) say(format string, args ...any) {
	if o.Progress != nil {
		fmt.Fprintf(o.Progress, format, args...)
	}
}
