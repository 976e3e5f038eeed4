package topic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Bounds of a batch and of the tries to send it.
const (
	batchRecords = 200
	batchBytes   = 900<<10 + 64<<10 // Before it is packed; no record is larger.
	mostTries    = 10
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
	tryFor       = 10 * time.Second
)

// sender writes messages to their partitions, with acks=all. It keeps none and
// decides nothing: what failed for good is told to whoever sent it.
type sender struct {
	client   *kafka.Client
	prefix   string // Before each topic's name.
	packing  kafka.Compression
	balancer kafka.Hash
	link     *link // What links are made like; nil where the client sends.

	mu     sync.Mutex
	lanes  map[lane]*road
	topics map[string]counted // By their whole names.
}

// road is how a lane's batches go. Who holds its token sends on it.
type road struct {
	token chan struct{}
	link  *link // Nil where the client sends.
}

// counted is how many partitions a topic had a moment ago.
type counted struct {
	all   []int
	until time.Time
}

// countedFor is about what the transport remembers partitions for.
const countedFor = 3 * time.Second

// lane is one partition: one batch at a time is under way, so that they stay in
// order, and what waits is few.
type lane struct {
	topic     string
	partition int
}

// portion is what of a write goes to one lane.
type portion struct {
	lane   lane
	places []int32 // Of its messages in the write.
}

// send returns when each message is durable or given up: nil, kafka.WriteErrors
// with an error for each that is not, or why none was sent.
func (s *sender) send(ctx context.Context, messages []Message) error {
	portions, err := s.portions(ctx, messages)
	if err != nil {
		return err
	}
	failed := make([]error, len(messages))
	if len(portions) == 1 {
		s.sendPortion(ctx, messages, &portions[0], failed)
	} else {
		var all sync.WaitGroup
		for i := range portions {
			all.Go(func() { s.sendPortion(ctx, messages, &portions[i], failed) })
		}
		all.Wait()
	}
	for _, err := range failed {
		if err != nil {
			return kafka.WriteErrors(failed)
		}
	}
	return nil
}

// portions finds the partition of each message, by its key.
func (s *sender) portions(ctx context.Context, messages []Message) ([]portion, error) {
	type size struct {
		topic string
		all   []int // Its partitions.
	}
	var topics []size
	var portions []portion
	for i := range messages {
		m := &messages[i]
		at := slices.IndexFunc(topics, func(x size) bool { return x.topic == m.Topic })
		if at < 0 {
			n, err := s.partitions(ctx, s.prefix+m.Topic)
			if err != nil {
				return nil, err
			}
			at = len(topics)
			topics = append(topics, size{m.Topic, n})
		}
		l := lane{m.Topic, 0}
		if n := topics[at].all; len(n) > 1 {
			l.partition = s.balancer.Balance(kafka.Message{Key: m.Key}, n...)
		}
		at = slices.IndexFunc(portions, func(x portion) bool { return x.lane == l })
		if at < 0 {
			at = len(portions)
			portions = append(portions, portion{l, make([]int32, 0, len(messages)-i)})
		}
		portions[at].places = append(portions[at].places, int32(i))
	}
	return portions, nil
}

// partitions lists the partitions of a topic.
func (s *sender) partitions(ctx context.Context, topic string) ([]int, error) {
	s.mu.Lock()
	c, now := s.topics[topic], time.Now()
	s.mu.Unlock()
	if now.Before(c.until) {
		return c.all, nil
	}
	all, err := s.ask(ctx, topic)
	if err == nil {
		s.mu.Lock()
		if s.topics == nil {
			s.topics = map[string]counted{}
		}
		s.topics[topic] = counted{all, now.Add(countedFor)}
		s.mu.Unlock()
	}
	return all, err
}

// ask asks the transport, which remembers the answer too, but makes a new one of it
// each time.
func (s *sender) ask(ctx context.Context, topic string) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	r, err := s.client.Transport.RoundTrip(ctx, s.client.Addr, &metadata.Request{TopicNames: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("cannot find topic %s: %w", topic, err)
	}
	if r, ok := r.(*metadata.Response); ok {
		for _, t := range r.Topics {
			switch {
			case t.Name != topic:
			case t.ErrorCode != 0:
				return nil, fmt.Errorf("cannot find topic %s: %w", topic, kafka.Error(t.ErrorCode))
			default:
				all := make([]int, len(t.Partitions))
				for i := range all {
					all[i] = i
				}
				return all, nil
			}
		}
	}
	return nil, fmt.Errorf("cannot find topic %s: %w", topic, kafka.UnknownTopicOrPartition)
}

// memory holds records and batches while they are made and sent.
var memory = sync.Pool{New: func() any { return new(buffers) }}

type buffers struct{ records, batch []byte }

// mostKept keeps the memory of rare large batches out of the pool.
const mostKept = 1 << 20

// sendPortion sends the messages of one partition, in order.
func (s *sender) sendPortion(ctx context.Context, messages []Message, x *portion, failed []error) {
	road := s.road(x.lane)
	road.token <- struct{}{}
	defer func() { <-road.token }()
	b := memory.Get().(*buffers)
	clean := true
	for left := x.places; len(left) > 0; {
		n := 0
		b.records = b.records[:0]
		for n < len(left) && n < batchRecords {
			m := &messages[left[n]]
			size := len(m.Key) + len(m.Value) + mostOverhead
			if size > batchBytes {
				failed[left[n]] = kafka.MessageTooLargeError{}
				left = slices.Delete(slices.Clone(left), n, n+1)
				continue
			}
			if n > 0 && len(b.records)+size > batchBytes {
				break
			}
			b.records = appendRecord(slices.Grow(b.records, size), n, m)
			n++
		}
		if n == 0 {
			break
		}
		var err error
		b.batch = b.batch[:0]
		if road.link != nil {
			b.batch = appendRequest(b.batch, s.prefix+x.lane.topic, x.lane.partition)
		}
		if b.batch, err = appendBatch(b.batch, b.records, n, time.Now(), s.packing); err == nil {
			var once bool
			once, err = s.try(ctx, x.lane, road.link, b.batch)
			clean = clean && once
		}
		for _, i := range left[:n] {
			failed[i] = err
		}
		left = left[n:]
	}
	// A try that was given up may still read the batch.
	if clean && cap(b.records) <= mostKept && cap(b.batch) <= mostKept {
		memory.Put(b)
	}
}

func (s *sender) road(l lane) *road {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.lanes[l]
	if r == nil {
		r = &road{token: make(chan struct{}, 1)}
		if s.link != nil {
			r.link = &link{dial: s.link.dial, addr: s.link.addr}
		}
		if s.lanes == nil {
			s.lanes = map[lane]*road{}
		}
		s.lanes[l] = r
	}
	return r
}

// close ends the links. Nothing may be under way.
func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.lanes {
		if r.link != nil {
			r.link.close()
		}
	}
}

// try sends a batch until the broker has it, refuses it for good or was asked
// often enough. once says that the first try was answered.
func (s *sender) try(ctx context.Context, l lane, by *link, batch []byte) (once bool, err error) {
	pause := firstPause
	for tries := 1; ; tries++ {
		if by != nil {
			err = by.produce(ctx, batch, s.prefix+l.topic, l.partition)
		} else {
			err = s.produce(ctx, l, batch)
		}
		if err == nil {
			return tries == 1, nil
		}
		err = fmt.Errorf("cannot write to %s/%d: %w", s.prefix+l.topic, l.partition, err)
		if tries == mostTries || ctx.Err() != nil || !again(err) {
			return false, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, err
		}
		pause = min(2*pause, longestPause)
	}
}

func (s *sender) produce(ctx context.Context, l lane, batch []byte) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	r, err := s.client.RawProduce(ctx, &kafka.RawProduceRequest{
		Topic: s.prefix + l.topic, Partition: l.partition, RequiredAcks: kafka.RequireAll,
		RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(batch)},
	})
	if err == nil {
		err = r.Error
	}
	return err
}

// again reports whether the same batch may be taken in a moment.
func again(err error) bool {
	if t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err); ok && t.Temporary() {
		return true
	}
	for _, x := range [...]error{io.ErrUnexpectedEOF, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, x) {
			return true
		}
	}
	return false
}
