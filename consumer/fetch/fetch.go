// Package fetch reads the records of a partition from the broker that leads it.
// In: a topic, a partition, an offset and limits. Out: records, looked at where
// their batch was unpacked. It keeps no record after the next one is read, and
// knows nothing of what is in one.
package fetch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	api "github.com/segmentio/kafka-go/protocol/fetch"
)

// Client asks brokers by the connections of a transport, which finds the leader,
// encrypts and logs in. Only the answer is read here: the client's own decoder
// unpacks all batches of it at once, into pages, and copies values out of them.
type Client struct {
	Addr      net.Addr
	Transport kafka.RoundTripper
	ClientID  string
	Timeout   time.Duration // Of one request.
}

// Request is what a fetch asks for. The broker waits until it has MinBytes or for
// MaxWait, and sends about MaxBytes, or one batch that is larger.
type Request struct {
	Topic              string
	Partition          int
	Offset             int64
	MinBytes, MaxBytes int
	MaxWait            time.Duration
}

// mostAnswer bounds an answer: it holds MaxBytes or one larger batch, and
// brokers take batches of a megabyte unless they are told otherwise.
const mostAnswer = 256 << 20

// Fetch returns the records from the offset on, and the end of the log. Records
// may be none. An error that a broker names is a kafka.Error.
func (c *Client) Fetch(ctx context.Context, req Request) (records *Records, end int64, err error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	r, err := c.Transport.RoundTrip(ctx, c.Addr, &exchange{clientID: c.ClientID, request: api.Request{
		ReplicaID: -1, MaxWaitTime: int32(req.MaxWait.Milliseconds()), MinBytes: int32(req.MinBytes), MaxBytes: int32(req.MaxBytes), SessionID: -1, SessionEpoch: -1,
		Topics: []api.RequestTopic{{Topic: req.Topic, Partitions: []api.RequestPartition{{Partition: int32(req.Partition), CurrentLeaderEpoch: -1,
			FetchOffset: req.Offset, LogStartOffset: -1, PartitionMaxBytes: int32(req.MaxBytes)}}}},
	}})
	if err != nil {
		return nil, 0, fmt.Errorf("cannot ask the broker: %w", err)
	}
	a, ok := r.(*answer)
	if !ok {
		return nil, 0, fmt.Errorf("cannot read the answer to a fetch: the transport gave a %T", r)
	}
	set, end, err := a.read(req.Topic, int32(req.Partition))
	if err != nil {
		memory.give(a.body)
		return nil, 0, err
	}
	return &Records{body: a.body, left: set, next: req.Offset}, end, nil
}

// exchange is a request as the transport takes it. It reads its answer by itself:
// this is how the client lets a message do so, made for a login of old.
type exchange struct {
	request  api.Request
	clientID string
	version  int16
}

var (
	_ protocol.BrokerMessage = (*exchange)(nil)
	_ protocol.RawExchanger  = (*exchange)(nil)
)

func (x *exchange) ApiKey() protocol.ApiKey { return protocol.Fetch }

func (x *exchange) Broker(c protocol.Cluster) (protocol.Broker, error) { return x.request.Broker(c) }

// Required notes the version that client and broker agreed on.
func (x *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	x.version = versions[protocol.Fetch]
	return true
}

// correlation marks a request; a connection has one under way at a time.
const correlation = 1

// RawExchange sends the request and reads the whole answer: the connection is
// used by others after it. An error closes the connection.
func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if err := protocol.WriteRequest(rw, x.version, correlation, x.clientID, &x.request); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, noEOF(err)
	}
	size, id := int32(binary.BigEndian.Uint32(head[:])), binary.BigEndian.Uint32(head[4:])
	switch {
	case size < 4:
		return nil, fmt.Errorf("cannot read the answer to a fetch: it says that it has %d bytes", size)
	case size > mostAnswer:
		return nil, fmt.Errorf("cannot read the answer to a fetch: it has %d bytes, %d are the limit; set the topic's max.message.bytes lower", size, mostAnswer)
	case id != correlation:
		return nil, fmt.Errorf("cannot read the answer to a fetch: it is for request %d, not %d", id, correlation)
	}
	body := memory.take()
	for left := int(size) - 4; left > 0; { // Memory grows with what came, not with what was said.
		n := min(left, 2<<20)
		at := len(*body)
		*body = slices.Grow(*body, n)[:at+n]
		if _, err := io.ReadFull(rw, (*body)[at:]); err != nil {
			memory.give(body)
			return nil, noEOF(err)
		}
		left -= n
	}
	return &answer{version: x.version, body: body}, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// answer is a fetch response as it came, without its head.
type answer struct {
	version int16
	body    *[]byte
}

func (a *answer) ApiKey() protocol.ApiKey { return protocol.Fetch }

// read finds the set of batches in the answer. Versions up to 11 are known to the
// client, which is what it agrees on with a broker.
func (a *answer) read(topic string, partition int32) (set []byte, end int64, err error) {
	c := cursor{b: *a.body}
	if a.version >= 1 {
		c.skip(4) // How long the broker had throttled.
	}
	if a.version >= 7 {
		if code := c.int16(); code != 0 && !c.short {
			return nil, 0, kafka.Error(code)
		}
		c.skip(4) // The session.
	}
	topics := c.int32()
	name := string(c.take(int(c.int16())))
	partitions, id := c.int32(), c.int32()
	code := c.int16()
	end = c.int64()
	if a.version >= 4 {
		c.skip(8) // The last stable offset.
	}
	if a.version >= 5 {
		c.skip(8) // Where the log begins.
	}
	if a.version >= 4 {
		if n := c.int32(); n > 0 { // Aborted transactions: what is not committed is read too.
			c.skip(16 * int(n))
		}
	}
	if a.version >= 11 {
		c.skip(4) // Which replica it would rather be asked of.
	}
	n := c.int32()
	if n > 0 {
		set = c.take(int(n))
	}
	switch {
	case c.short:
		return nil, 0, fmt.Errorf("cannot read the answer to a fetch: its %d bytes end too soon", len(*a.body))
	case topics != 1 || partitions != 1 || name != topic || id != partition:
		return nil, 0, fmt.Errorf("cannot read the answer to a fetch: it is not that of %s/%d", topic, partition)
	case code != 0:
		return nil, 0, kafka.Error(code)
	}
	return set, end, nil
}

// cursor reads numbers; beyond the end it reads zeros and notes that.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.short = nil, true
		return nil
	}
	p := c.b[:n:n]
	c.b = c.b[n:]
	return p
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) int16() int16 {
	if p := c.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if p := c.take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

func (c *cursor) int64() int64 {
	if p := c.take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.b, c.short = nil, true
		return 0
	}
	c.b = c.b[n:]
	return v
}

// nullable reads as many bytes as the number before them says; fewer than none
// are none.
func (c *cursor) nullable(n int64) []byte {
	if n < 0 {
		return nil
	}
	if n > int64(len(c.b)) {
		c.b, c.short = nil, true
		return nil
	}
	return c.take(int(n))
}
