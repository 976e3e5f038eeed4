package topic

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// scripted is a broker that answers its requests one after the other as it is told,
// whatever connection they come by.
type scripted struct {
	t       *testing.T
	mu      sync.Mutex
	answers []func(r *kmsg.ProduceRequest, id uint32) []byte // Nil ends the connection.
	dials   int
	served  sync.WaitGroup
}

func (s *scripted) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	s.mu.Lock()
	s.dials++
	s.mu.Unlock()
	s.served.Go(func() {
		defer func() { _ = server.Close() }()
		for {
			head := make([]byte, 4)
			if _, err := io.ReadFull(server, head); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint32(head))
			if _, err := io.ReadFull(server, b); err != nil {
				return
			}
			r := kmsg.NewPtrProduceRequest()
			r.SetVersion(int16(binary.BigEndian.Uint16(b[2:])))
			if err := r.ReadFrom(b[10+binary.BigEndian.Uint16(b[8:]):]); err != nil {
				s.t.Error(err)
				return
			}
			s.mu.Lock()
			next := s.answers[0]
			s.answers = s.answers[1:]
			s.mu.Unlock()
			if next == nil {
				return
			}
			if _, err := server.Write(next(r, binary.BigEndian.Uint32(b[4:]))); err != nil {
				return
			}
		}
	})
	return client, nil
}

// says answers as a broker does, with a code for the partition.
func says(code int16) func(*kmsg.ProduceRequest, uint32) []byte {
	return func(r *kmsg.ProduceRequest, id uint32) []byte {
		a := r.ResponseKind().(*kmsg.ProduceResponse)
		topic, part := kmsg.NewProduceResponseTopic(), kmsg.NewProduceResponseTopicPartition()
		topic.Topic, part.Partition, part.ErrorCode = r.Topics[0].Topic, r.Topics[0].Partitions[0].Partition, code
		topic.Partitions = append(topic.Partitions, part)
		a.Topics = append(a.Topics, topic)
		b := a.AppendTo(make([]byte, 8))
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		binary.BigEndian.PutUint32(b[4:], id)
		return b
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	otherTopic := func(r *kmsg.ProduceRequest, id uint32) []byte {
		r.Topics[0].Topic = "t.others"
		return says(0)(r, id)
	}
	for name, c := range map[string]struct {
		answer func(*kmsg.ProduceRequest, uint32) []byte
		want   error // Nil: any.
		again  bool
		dials  int // Of this request and a good one after it.
	}{
		"a code":                {says(int16(kafka.NotLeaderForPartition)), kafka.NotLeaderForPartition, true, 1},
		"an end":                {nil, io.ErrUnexpectedEOF, true, 2},
		"half an answer":        {func(r *kmsg.ProduceRequest, id uint32) []byte { return says(0)(r, id)[:20] }, os.ErrDeadlineExceeded, true, 2},
		"that of another topic": {otherTopic, nil, false, 2},
		"that of the one before": {func(r *kmsg.ProduceRequest, id uint32) []byte { return says(0)(r, id-1) },
			nil, false, 2},
		"one without end": {func(*kmsg.ProduceRequest, uint32) []byte { return []byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1} }, nil, false, 2},
		"a size below 0":  {func(*kmsg.ProduceRequest, uint32) []byte { return []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1} }, nil, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			answer := c.answer
			if errors.Is(c.want, os.ErrDeadlineExceeded) { // Given up after the request was sent, however late that is.
				answer = func(r *kmsg.ProduceRequest, id uint32) []byte {
					time.AfterFunc(20*time.Millisecond, cancel)
					return c.answer(r, id)
				}
			}
			s := &scripted{t: t, answers: []func(*kmsg.ProduceRequest, uint32) []byte{answer, says(0)}}
			l := &link{dial: s.dial, addr: "any"}
			request, err := appendBatch(appendRequest(nil, "t.x", 3), appendRecord(nil, 0, &Message{Value: []byte("v")}), 1, time.Now(), kafka.Snappy)
			require.NoError(t, err)
			err = l.produce(ctx, request, "t.x", 3)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			require.Equal(t, c.again, again(err), err)
			require.NoError(t, l.produce(t.Context(), request, "t.x", 3))
			require.Equal(t, c.dials, s.dials)
			l.close()
			s.served.Wait()
		})
	}
}

// FuzzReadAnswer holds whatever a broker may answer.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 1, 0, 1, 'x', 0, 0, 0, 1, 0, 0, 0, 0, 0, 6})
	f.Fuzz(func(t *testing.T, b []byte) {
		if code, err := readAnswer(b, "x", 0); err == nil {
			require.Equal(t, int16(binary.BigEndian.Uint16(b[15:])), code)
		}
	})
}
