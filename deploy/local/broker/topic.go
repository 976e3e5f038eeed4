package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/consumer/mark"
)

// ensureTopics creates what is missing and brings settings and partitions of
// what is there up to date.
func (b *Broker) ensureTopics(ctx context.Context) error {
	all := make(map[string]map[string]string)
	for _, t := range b.cfg.Topics {
		// Trimming is ours: nothing else may delete a record.
		all[t] = map[string]string{"segment.bytes": strconv.FormatInt(b.segmentBytes(), 10), "retention.ms": "-1", "retention.bytes": "-1"}
	}
	for _, t := range b.cfg.DeadTopics {
		all[t] = map[string]string{"segment.bytes": strconv.Itoa(deadBytes / 4), "retention.ms": "-1", "retention.bytes": strconv.Itoa(deadBytes)}
	}
	there, err := b.partitions(ctx)
	if err != nil {
		return err
	}
	for topic, settings := range all {
		switch n := there[topic]; {
		case n == 0:
			err = b.createTopic(ctx, topic, settings)
		case n < b.cfg.Partitions:
			err = b.addPartitions(ctx, topic)
		}
		if err == nil && there[topic] > 0 {
			err = b.alterTopic(ctx, topic, settings)
		}
		if err != nil {
			return fmt.Errorf("cannot prepare topic %s: %w", topic, err)
		}
	}
	return nil
}

// segmentBytes lets the segments that are being written, which cannot be
// trimmed, fill at most half of the cap.
func (b *Broker) segmentBytes() int64 {
	return min(segmentBytes, b.cfg.MaxBytes/2/int64(len(b.cfg.Topics)*b.cfg.Partitions))
}

func (b *Broker) createTopic(ctx context.Context, topic string, settings map[string]string) error {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, int32(b.cfg.Partitions), 1
	for k, v := range settings {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = k, &v
		t.Configs = append(t.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, b.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

func (b *Broker) addPartitions(ctx context.Context, topic string) error {
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = topic, int32(b.cfg.Partitions)
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, b.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

func (b *Broker) alterTopic(ctx context.Context, topic string, settings map[string]string) error {
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for k, v := range settings {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value, c.Op = k, &v, kmsg.IncrementalAlterConfigOpSet
		r.Configs = append(r.Configs, c)
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(ctx, b.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Resources[0].ErrorCode)
}

// partitions counts the partitions of every topic that exists.
func (b *Broker) partitions(ctx context.Context) (map[string]int, error) {
	req := kmsg.NewPtrMetadataRequest()
	resp, err := req.RequestWith(ctx, b.client)
	if err != nil {
		return nil, fmt.Errorf("cannot list topics: %w", err)
	}
	out := make(map[string]int, len(resp.Topics))
	for _, t := range resp.Topics {
		if t.Topic != nil {
			out[*t.Topic] = len(t.Partitions)
		}
	}
	return out, nil
}

// place is one partition of one topic.
type place struct {
	topic     string
	partition int32
}

// committed is what the group has read of each partition, and up to where it has
// announced to go on.
func (b *Broker) committed(ctx context.Context) (committed, announced map[place]int64, err error) {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = b.cfg.Group
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = b.cfg.Group
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, b.client)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot ask what group %s has committed: %w", b.cfg.Group, err)
	}
	committed, announced = make(map[place]int64), make(map[place]int64)
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); errors.Is(err, kerr.GroupIDNotFound) {
			continue // Nobody has read anything yet.
		} else if err != nil {
			return nil, nil, fmt.Errorf("cannot ask what group %s has committed: %w", b.cfg.Group, err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && p.Offset >= 0 {
					committed[place{t.Topic, p.Partition}] = p.Offset
					if p.Metadata != nil {
						if m, said, err := mark.Read(*p.Metadata); said && err == nil { // Else it is nothing that the consumer said.
							announced[place{t.Topic, p.Partition}] = max(m.End, m.Gap)
						}
					}
				}
			}
		}
	}
	return committed, announced, nil
}

// ends is the offset that the next record of each partition gets.
func (b *Broker) ends(ctx context.Context, places map[place]int64) (map[place]int64, error) {
	topics := make(map[string][]kmsg.ListOffsetsRequestTopicPartition)
	for p := range places {
		r := kmsg.NewListOffsetsRequestTopicPartition()
		r.Partition, r.Timestamp = p.partition, -1
		topics[p.topic] = append(topics[p.topic], r)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	for topic, partitions := range topics {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic, t.Partitions = topic, partitions
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, b.client)
	if err != nil {
		return nil, fmt.Errorf("cannot ask where the log ends: %w", err)
	}
	out := make(map[place]int64)
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 {
				out[place{t.Topic, p.Partition}] = p.Offset
			}
		}
	}
	return out, nil
}

// deleteBefore forgets the records of a partition below offset.
func (b *Broker) deleteBefore(ctx context.Context, p place, offset int64) error {
	r := kmsg.NewDeleteRecordsRequestTopicPartition()
	r.Partition, r.Offset = p.partition, offset
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = p.topic
	t.Partitions = append(t.Partitions, r)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, b.client)
	if err == nil && len(resp.Topics) == 1 && len(resp.Topics[0].Partitions) == 1 {
		err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("cannot trim %s-%d: %w", p.topic, p.partition, err)
	}
	return nil
}
