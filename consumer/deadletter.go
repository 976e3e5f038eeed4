package consumer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"errata/schema"
)

// Headers of a dead letter: why it is one and where it came from.
const (
	HeaderReason    = "reason"
	HeaderStage     = "stage" // decode or insert.
	HeaderTopic     = "topic" // With the operator's prefix.
	HeaderPartition = "partition"
	HeaderOffset    = "offset"
	HeaderItem      = "item" // Which row of the record, for stage insert.
	HeaderVersion   = "version"
	HeaderLetter    = "letter" // Of a record that is sent again: which letter it was, 16 hex digits.
)

// maxReason bounds the reason in a header.
const maxReason = 1000

// letters writes dead letters and returns when they are durable.
type letters struct{ w *kafka.Writer }

func newLetters(cfg *Config) *letters {
	return &letters{w: &kafka.Writer{Addr: kafka.TCP(cfg.Brokers...), Topic: cfg.TopicPrefix + schema.TopicDead, Transport: cfg.Transport,
		Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchSize: 100, BatchBytes: schema.MaxRecordBytes + 64<<10,
		BatchTimeout: 5 * time.Millisecond, Compression: kafka.Lz4, MaxAttempts: 3, WriteTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second}}
}

// write sends all letters of a block. A letter may be written again after a
// crash: its coordinates tell that it is the same.
func (l *letters) write(ctx context.Context, p *partition, all []dead) error {
	messages := make([]kafka.Message, 0, len(all))
	for _, d := range all {
		reason := strings.ToValidUTF8(d.reason, "?")
		messages = append(messages, kafka.Message{
			Key:   []byte(fmt.Sprintf("%s/%d/%d/%d", p.topic, p.id, d.offset, d.item)),
			Value: d.value,
			Headers: []kafka.Header{
				{Key: HeaderReason, Value: []byte(reason[:min(len(reason), maxReason)])},
				{Key: HeaderStage, Value: []byte(d.stage)},
				{Key: HeaderTopic, Value: []byte(p.topic)},
				{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(p.id), 10)},
				{Key: HeaderOffset, Value: strconv.AppendInt(nil, d.offset, 10)},
				{Key: HeaderItem, Value: strconv.AppendInt(nil, int64(d.item), 10)},
				{Key: HeaderVersion, Value: strconv.AppendInt(nil, schema.WireVersion, 10)},
			},
		})
	}
	if err := l.w.WriteMessages(ctx, messages...); err != nil {
		return fmt.Errorf("cannot write %d dead letters: %w", len(messages), err)
	}
	return nil
}

func (l *letters) close() { _ = l.w.Close() }
