// Package decode turns the body of an OTLP request into its protobuf message.
// In: bytes, already inflated, and their content type. Out: the message, or why
// it cannot be read. It bounds how many messages a body may hold and how deep
// they nest before it builds them, because two bytes of a body can ask for
// hundreds in memory. It never looks at what an item means.
package decode

import (
	"errors"
	"fmt"
	"mime"
	"strings"

	"google.golang.org/protobuf/proto"
)

// Bounds of one request. Honest senders stay far below: a Collector sends 8192
// items of some twenty attributes, which is 30 MiB of messages.
const (
	MaxBytes  = 12 << 20 // Relay's limit for containers, and ours.
	MaxItems  = 50_000   // Spans, log records or data points.
	MaxMemory = 64 << 20 // Of the messages that a body asks for, texts apart.
	MaxDepth  = 96       // Nested messages; one level of a nested attribute value takes up to three.
)

// Content types of OTLP/HTTP.
const (
	Protobuf = "application/x-protobuf"
	JSON     = "application/json"
)

// Errors that a caller maps to a status.
var (
	ErrTooLarge    = errors.New("request too large")
	ErrContentType = errors.New("unsupported content type")
	ErrMalformed   = errors.New("malformed request")
)

// ContentType returns Protobuf or JSON for the value of a Content-Type header,
// or ErrContentType.
func ContentType(header string) (string, error) {
	if header == Protobuf || header == JSON { // As SDKs send them, asked twice a request.
		return header, nil
	}
	t, _, err := mime.ParseMediaType(header)
	if err != nil {
		// A broken parameter does not make the type unknown.
		t, _, _ = strings.Cut(header, ";")
		t = strings.ToLower(strings.TrimSpace(t))
	}
	switch t {
	case Protobuf, "application/protobuf", "application/vnd.google.protobuf":
		return Protobuf, nil
	case JSON:
		return JSON, nil
	}
	return "", fmt.Errorf("%w: %q, send %s or %s", ErrContentType, header, Protobuf, JSON)
}

// Message reads body into m. Strings of m do not alias body.
func Message(body []byte, contentType string, m proto.Message) error {
	_, err := Counted(body, contentType, m)
	return err
}

// Counted is Message, and says how many known fields of JSON were left out
// because they are of another type.
func Counted(body []byte, contentType string, m proto.Message) (left int, err error) {
	return Into(body, contentType, m, nil)
}

// Into is Counted with memory for a part of what m points to: m holds as long as
// that is not released. Nil is new memory.
func Into(body []byte, contentType string, m proto.Message, memory *Memory) (left int, err error) {
	if len(body) > MaxBytes {
		return 0, fmt.Errorf("%w: %d bytes, the limit is %d: send smaller batches", ErrTooLarge, len(body), MaxBytes)
	}
	t, err := ContentType(contentType)
	if err != nil {
		return 0, err
	}
	if t == JSON {
		return fromJSON(body, m)
	}
	return 0, fromProtobuf(body, m, memory)
}

// budget is what a request may still ask for.
type budget struct {
	memory, items int
	lent          *Memory
}

// spend counts one message of a kind, or one text of a list.
func (b *budget) spend(s *shape) error {
	if b.memory += s.cost; b.memory > MaxMemory {
		return fmt.Errorf("%w: its attributes and items take more than %d MiB: send smaller batches", ErrTooLarge, MaxMemory>>20)
	}
	if s.item {
		if b.items++; b.items > MaxItems {
			return fmt.Errorf("%w: more than %d spans, log records or data points: send smaller batches", ErrTooLarge, MaxItems)
		}
	}
	return nil
}

// oneText is the cost of a text in a list.
var oneText = &shape{cost: 32}

func tooDeep() error {
	return fmt.Errorf("%w: attribute values nest deeper than the limit of %d messages", ErrMalformed, MaxDepth)
}
