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
	"sync"
	"time"
)

// Message is one record on its way to a topic. Topic is the name without the
// operator's prefix.
type Message struct {
	Topic string
	Key   []byte
	Value []byte
	// Lent is the memory of Value where it came from Lend: nobody reads Value once
	// the message is durable.
	Lent *[]byte
}

// lent is memory of values that are durable. A value is a fifth of what the edge
// allocates for an event.
var lent = sync.Pool{New: func() any { return new([]byte) }}

// mostLent keeps the memory of rare large values out of the pool.
const mostLent = 256 << 10

// Lend returns memory for the value of one message; a producer takes it back.
func Lend() *[]byte { return lent.Get().(*[]byte) }

// takeBack has the memory of durable messages used again.
func takeBack(messages []Message) {
	for i := range messages {
		if m := &messages[i]; m.Lent != nil {
			memory := m.Lent
			m.Value, m.Lent = nil, nil
			if cap(*memory) <= mostLent {
				lent.Put(memory)
			}
		}
	}
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
