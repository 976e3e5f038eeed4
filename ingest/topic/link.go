package topic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// link is a connection of our own to the one broker there is, the embedded one.
// Who sends writes the request and reads the answer by itself: the client's way is
// through three goroutines and a decoder by reflection, each time (docs/adr/059).
// One request is under way at a time.
type link struct {
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	addr    string
	conn    net.Conn // Nil before the first request, and after one that failed.
	until   time.Time
	request uint32
	answer  []byte
}

const (
	produceVersion = 7 // The last but one without tags. Every broker since Kafka 2.1 takes it.
	linkClient     = "errata-ingest"
	// mostAnswer bounds what an answer for one partition may hold: a topic's name has
	// at most 249 bytes.
	mostAnswer = 4 << 10
	// linkSlack is by how much a try may be cut short: a deadline costs a timer, so it
	// is not set for each.
	linkSlack = time.Second
)

// appendRequest begins a produce request for one partition. The batch with its size
// before it follows as it is, and sealRequest ends it.
func appendRequest(to []byte, topic string, partition int) []byte {
	to = append(to, 0, 0, 0, 0, 0, 0, 0, produceVersion, 0, 0, 0, 0) // Size, the call's number, its version, the request's number.
	to = appendName(to, linkClient)
	to = append(to, 0xff, 0xff, 0xff, 0xff) // No transaction, all replicas acknowledge.
	to = binary.BigEndian.AppendUint32(to, uint32(tryFor.Milliseconds()))
	to = append(to, 0, 0, 0, 1)
	to = appendName(to, topic)
	to = append(to, 0, 0, 0, 1)
	return binary.BigEndian.AppendUint32(to, uint32(partition))
}

func appendName(to []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(s))), s...)
}

// produce sends a whole request and waits for its answer. A request is safe to send
// again: it keeps its bytes but for its number.
func (l *link) produce(ctx context.Context, request []byte, topic string, partition int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.conn == nil {
		dial, cancel := context.WithTimeout(ctx, tryFor)
		conn, err := l.dial(dial, "tcp", l.addr)
		cancel()
		if err != nil {
			return err
		}
		l.conn, l.until = conn, time.Time{}
	}
	err := l.exchange(ctx, request)
	if err == nil {
		var code int16
		if code, err = readAnswer(l.answer, topic, partition); err == nil && code != 0 {
			return kafka.Error(code)
		}
	}
	if err != nil {
		// An answer that is late must not be taken for that of the next request.
		l.close()
	}
	return err
}

func (l *link) exchange(ctx context.Context, request []byte) error {
	if now := time.Now(); l.until.Sub(now) < tryFor-linkSlack {
		l.until = now.Add(tryFor)
		if err := l.conn.SetDeadline(l.until); err != nil {
			return err
		}
	}
	if ctx.Done() != nil {
		conn := l.conn
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		defer func() {
			if !stop() {
				l.close()
			}
		}()
	}
	l.request++
	binary.BigEndian.PutUint32(request, uint32(len(request)-4))
	binary.BigEndian.PutUint32(request[8:], l.request)
	if _, err := l.conn.Write(request); err != nil {
		return broken(err)
	}
	var head [8]byte
	if _, err := io.ReadFull(l.conn, head[:]); err != nil {
		return broken(err)
	}
	size, id := int32(binary.BigEndian.Uint32(head[:])), binary.BigEndian.Uint32(head[4:])
	if size < 4 || size > mostAnswer || id != l.request {
		return fmt.Errorf("cannot read the broker's answer: it says that it has %d bytes and is for request %d of %d", size, id, l.request)
	}
	l.answer = slices.Grow(l.answer[:0], int(size)-4)[:size-4]
	_, err := io.ReadFull(l.conn, l.answer)
	return broken(err)
}

// broken is what becomes of a connection's error: each may be tried again, on another
// connection.
func broken(err error) error {
	if err == nil {
		return nil
	}
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() {
		return fmt.Errorf("the broker does not answer: %w", os.ErrDeadlineExceeded)
	}
	return fmt.Errorf("the connection ended (%w): %w", err, io.ErrUnexpectedEOF)
}

// readAnswer finds the code of the one partition that was asked for.
func readAnswer(b []byte, topic string, partition int) (code int16, err error) {
	// One topic, its name; one partition, its number and code; then offsets and times.
	want := binary.BigEndian.AppendUint32(appendName([]byte{0, 0, 0, 1}, topic), 1)
	want = binary.BigEndian.AppendUint32(want, uint32(partition))
	if len(b) < len(want)+2 || string(b[:len(want)]) != string(want) {
		return 0, fmt.Errorf("cannot read the broker's answer: it is not that of %s/%d", topic, partition)
	}
	return int16(binary.BigEndian.Uint16(b[len(want):])), nil
}

func (l *link) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}
