// Package topic writes records to Kafka and answers only when they are durable:
// acknowledged with acks=all, or fsynced in the bounded disk spool while the
// broker is away. In: messages of one request. Out: nil, or an error that says
// how long to wait. It never hangs: a dead broker is known within milliseconds
// and a silent one within the ack timeout.
package topic

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Message is one record on its way to a topic. Topic is the name without the
// operator's prefix.
type Message struct {
	Topic string
	Key   []byte
	Value []byte
}

// Writer sends all messages or says why not; nil means durable.
type Writer interface {
	Write(ctx context.Context, messages []Message) error
}

// ErrUnavailable says that nothing could keep the messages now: the client
// shall try again after a while.
type ErrUnavailable struct {
	Reason     string
	RetryAfter time.Duration
	Cause      error
}

// Error names the reason.
func (e *ErrUnavailable) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("cannot keep records: %s: %v", e.Reason, e.Cause)
	}
	return "cannot keep records: " + e.Reason
}

// Unwrap returns the cause.
func (e *ErrUnavailable) Unwrap() error { return e.Cause }

// errClosed is the cause after Close.
var errClosed = errors.New("the producer is closed")
