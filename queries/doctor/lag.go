package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"errata/schema"
)

// lag compares what the topics hold with what the consumer has stored.
func lag(ctx context.Context, t Target) Finding {
	if len(t.Brokers) == 0 {
		return Finding{}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	transport := &kafka.Transport{TLS: t.TLS, SASL: t.SASL}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(t.Brokers...), Timeout: 5 * time.Second, Transport: transport}
	var names []string
	for _, topic := range schema.Topics {
		names = append(names, t.TopicPrefix+topic)
	}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: names})
	if err != nil {
		return failed(err, "start Kafka, or check --kafka")
	}
	ends, partitions := map[string][]kafka.OffsetRequest{}, map[string][]int{}
	for _, topic := range meta.Topics {
		for _, p := range topic.Partitions {
			ends[topic.Name] = append(ends[topic.Name], kafka.LastOffsetOf(p.ID), kafka.FirstOffsetOf(p.ID))
			partitions[topic.Name] = append(partitions[topic.Name], p.ID)
		}
	}
	if len(partitions) < len(names) {
		return Finding{Verdict: Warn, Detail: fmt.Sprintf("%d of %d topics exist", len(partitions), len(names)), Next: "start the edge once: it makes its topics; or make them as deploy/ says"}
	}
	last, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: ends})
	if err != nil {
		return failed(err, "check that the broker is up")
	}
	group := t.Group
	if group == "" {
		group = "errata"
	}
	done, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: partitions})
	if err != nil {
		return failed(err, "check that the broker is up")
	}
	var behind int64
	worst := ""
	var most int64
	for name, list := range last.Topics {
		committed := map[int]int64{}
		for _, p := range done.Topics[name] {
			committed[p.Partition] = p.CommittedOffset
		}
		for _, p := range list {
			// Nothing committed yet: all that is kept is still to be read.
			n := p.LastOffset - max(committed[p.Partition], p.FirstOffset)
			if n > most {
				most, worst = n, fmt.Sprintf("%s/%d", name, p.Partition)
			}
			behind += max(n, 0)
		}
	}
	f := Finding{Verdict: OK, Detail: fmt.Sprintf("%d records to be stored", behind)}
	if behind > 100_000 {
		f.Verdict, f.Detail = Warn, fmt.Sprintf("%d records to be stored, most of them in %s", behind, worst)
		f.Next = "is the consumer running? `errata consume` on more partitions reads faster"
	}
	if t.Away == nil {
		events := t.TopicPrefix + schema.TopicEvents
		return notStored(ctx, t, f, last.Topics[events], done.Topics[events])
	}
	return f
}

// mostWithout is how many records in a row may have brought no event of their own:
// repeated ids, feedback, and what nobody can read.
const mostWithout = 1000

// notStored compares what was committed with the newest events: a database that was
// restored knows less than a group whose offsets stayed as they were, and what lies
// between is read by nobody.
func notStored(ctx context.Context, t Target, f Finding, log []kafka.PartitionOffsets, done []kafka.OffsetFetchPartition) Finding {
	r, err := t.Store.SQL(ctx, "SELECT toFloat64(topic_partition), toFloat64(max(topic_offset) + 1) FROM events GROUP BY topic_partition")
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	stored := map[int]int64{}
	for _, row := range r.Rows {
		stored[int(toFloat(row[0]))] = int64(toFloat(row[1]))
	}
	for _, p := range done {
		for _, l := range log {
			from := max(stored[p.Partition], l.FirstOffset) // What the log has not is not to be read again.
			if l.Partition == p.Partition && p.CommittedOffset-from > mostWithout {
				return Finding{Verdict: Warn, Detail: fmt.Sprintf("partition %d of the events was read up to %d, and the newest event of it that is stored is from before %d", p.Partition, p.CommittedOffset, stored[p.Partition]),
					Next: "if the database was restored from a backup: stop the consumers and set the group to the offsets of the backup (docs/operations.md), before new events come; if only repeated ids came since, all is well"}
			}
		}
	}
	return f
}
