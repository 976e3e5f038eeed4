// Package letter is how a dead letter looks: a record, or one row of it, that
// cannot be stored, on the topic of dead letters. In: what could not be stored and
// why. Out: messages that are durable, and the name of the letter that a record
// was before it was sent again. It never decides what dies.
package letter

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"errata/consumer/fetch"
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

// Stages at which a record can die.
const (
	StageDecode = "decode"
	StageInsert = "insert"
)

// Letter is a record, or what is left of it, on its way to the dead letters.
type Letter struct {
	Offset int64
	Item   int
	Stage  string
	Reason string
	Value  []byte
}

// maxReason bounds the reason in a header.
const maxReason = 1000

// Writer writes dead letters and returns when they are durable.
type Writer struct{ w *kafka.Writer }

// NewWriter dials nothing yet. prefix stands before the topic's name.
func NewWriter(brokers []string, transport kafka.RoundTripper, prefix string) *Writer {
	return &Writer{w: &kafka.Writer{Addr: kafka.TCP(brokers...), Topic: prefix + schema.TopicDead, Transport: transport,
		Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchSize: 100, BatchBytes: schema.MaxRecordBytes + 64<<10,
		BatchTimeout: 5 * time.Millisecond, Compression: kafka.Lz4, MaxAttempts: 3, WriteTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second}}
}

// Write sends the letters of one partition of a topic, named with its prefix. A
// letter may be written again after a crash: its coordinates tell that it is the
// same.
func (w *Writer) Write(ctx context.Context, topic string, partition int, all []Letter) error {
	messages := make([]kafka.Message, 0, len(all))
	for _, d := range all {
		reason := strings.ToValidUTF8(d.Reason, "?")
		messages = append(messages, kafka.Message{
			Key:   []byte(fmt.Sprintf("%s/%d/%d/%d", topic, partition, d.Offset, d.Item)),
			Value: d.Value,
			Headers: []kafka.Header{
				{Key: HeaderReason, Value: []byte(reason[:min(len(reason), maxReason)])},
				{Key: HeaderStage, Value: []byte(d.Stage)},
				{Key: HeaderTopic, Value: []byte(topic)},
				{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(partition), 10)},
				{Key: HeaderOffset, Value: strconv.AppendInt(nil, d.Offset, 10)},
				{Key: HeaderItem, Value: strconv.AppendInt(nil, int64(d.Item), 10)},
				{Key: HeaderVersion, Value: strconv.AppendInt(nil, schema.WireVersion, 10)},
			},
		})
	}
	if err := w.w.WriteMessages(ctx, messages...); err != nil {
		return fmt.Errorf("cannot write %d dead letters: %w", len(messages), err)
	}
	return nil
}

// Close sends nothing more.
func (w *Writer) Close() { _ = w.w.Close() }

// Of is which letter a record was before it was sent again; 0 for one that comes
// from an edge.
func Of(headers []fetch.Header) uint64 {
	for _, h := range headers {
		if string(h.Key) == HeaderLetter {
			n, err := strconv.ParseUint(string(h.Value), 16, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
