// Package topic writes records to Kafka and answers only when they are durable.
package topic

import "context"

// Message is one record on its way to a topic.
type Message struct {
	Topic string
	Key   []byte
	Value []byte
}

// Writer sends all messages or says why not; nil means durable.
type Writer interface {
	Write(ctx context.Context, messages []Message) error
}
