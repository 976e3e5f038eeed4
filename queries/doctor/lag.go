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
	return f
}
