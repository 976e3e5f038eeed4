package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/schema"
)

// fence stands between a consumer and its servers. It lets some inserts or some
// commits pass, and from then on nothing: to the servers the consumer is dead.
type fence struct {
	to      string
	ln      net.Listener
	mu      sync.Mutex
	left    map[string]int // Inserts and commits that pass; none is named that may all.
	dead    bool
	conns   []net.Conn
	closing sync.WaitGroup
}

func newFence(t *testing.T, s *store) *fence {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &fence{to: s.click.Addrs[0], ln: ln, dead: true}
	s.cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		if !f.pass("commits") {
			return nil, io.ErrUnexpectedEOF, true
		}
		return nil, nil, false
	})
	f.closing.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f.closing.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		f.die()
		f.closing.Wait()
	})
	return f
}

// pass says whether one more of a kind may pass.
func (f *fence) pass(kind string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n, limited := f.left[kind]; limited && !f.dead {
		f.left[kind]--
		f.dead = n == 0
	}
	return !f.dead
}

// open lets all pass; with a kind, n of it.
func (f *fence) open(kind string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead, f.left = false, map[string]int{}
	if kind != "" {
		f.left[kind] = n
	}
}

func (f *fence) die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}

func (f *fence) died() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

func (f *fence) serve(c net.Conn) {
	server, err := net.Dial("tcp", f.to)
	if err != nil || f.died() {
		_ = c.Close()
		return
	}
	f.mu.Lock()
	f.conns = append(f.conns, c, server)
	f.mu.Unlock()
	f.closing.Go(func() {
		_, _ = io.Copy(c, server)
		_ = c.Close()
	})
	defer func() { _ = server.Close() }()
	insert := []byte("INSERT INTO ")
	buf := make([]byte, 64<<10)
	seen := 0 // Bytes of the word that the last read ended with: none is looked at twice.
	for {
		n, err := c.Read(buf[seen:])
		if err != nil {
			return
		}
		n += seen
		if bytes.Contains(buf[:n], insert) {
			if !f.pass("inserts") {
				f.die()
				return
			}
			if _, err := server.Write(buf[seen:n]); err != nil {
				return
			}
			seen = 0
			continue
		}
		if f.died() {
			f.die()
			return
		}
		if _, err := server.Write(buf[seen:n]); err != nil {
			return
		}
		seen = min(n, len(insert)-1)
		copy(buf, buf[n-seen:n])
	}
}

// round makes the records of one round of a topic: two blocks and more, with what
// is a duplicate, a twin, poison or refused at their borders. expected are what they
// add to the counts of the store.
func (s *store) round(topic string, number uint64) (expected map[string]uint64) {
	s.t.Helper()
	at := epoch.UnixMilli()
	const n = 25
	expected = map[string]uint64{}
	for i := range uint64(n) {
		id := number*100 + i
		r := &schema.Record{ProjectId: 1, ReceivedAt: at}
		accept := func(category string) {
			r.Receipts = append(r.Receipts, &schema.Receipt{Category: category, Quantity: 1})
		}
		switch topic {
		case schema.TopicEvents:
			r = anEvent(id)
			r.ProjectId, r.Event.TraceId = 1, traceOf(id)
			r.Attachments = []*schema.Attachment{{EventId: r.Event.EventId, Name: "log.txt", Size: 5, Timestamp: at, ItemType: "attachment"}}
			accept(schema.CategoryAttachment)
			switch i {
			case 9, 10: // The last of a block and the first of the next: seen before.
				again := anEvent(number*100 + 3)
				r.Event.EventId = again.Event.EventId
			case 11:
				r.Event.Title = "bad" // Refused by the table.
			case 19, 20:
				r.Attachments[0].Name = "bad"
			case 15: // Another protocol's witness of the one before.
				r.Event.TraceId, r.Event.Protocol = traceOf(id-1), schema.Protocol_PROTOCOL_OTLP
				r.Event.Fingerprint, r.Event.MainHash, r.Event.ExceptionValue = 1000+(id-1)%7, 1000+(id-1)%7, fmt.Sprint((id-1)%7)
			}
		case schema.TopicSpans:
			r.Spans = []*schema.Span{{Name: "no ids", StartUs: at * 1000}, {Name: "ids", TraceId: traceOf(id), SpanId: traceOf(id)[16:], StartUs: at * 1000}}
			accept(schema.CategorySpan)
			accept(schema.CategorySpan)
		case schema.TopicLogs:
			r.Logs = []*schema.Log{{Body: "no id", TimeUs: at * 1000}}
			accept(schema.CategoryLog)
		case schema.TopicSessions:
			r.CheckIns = []*schema.CheckIn{{CheckInId: id16(id), Monitor: "nightly", Status: "ok", Timestamp: at}}
			r.Metrics = []*schema.Metric{{MetricId: 1 + id, Name: "queue", TimeUs: at * 1000}}
			r.Sessions = []*schema.Session{{Started: at, Timestamp: at, Quantity: 3, Release: "shop@1.0"}}
			accept(schema.CategoryMonitor)
			accept(schema.CategoryMetric)
			accept(schema.CategorySession)
		case schema.TopicOutcomes:
			accept(schema.CategorySecurity)
			r.Outcomes = []*schema.Outcome{{Category: schema.CategorySecurity, Outcome: schema.OutcomeRateLimited, Quantity: 1, EventId: id16(id)}}
		}
		s.send(topic, "a", r)
		if i == 5 {
			require.NoError(s.t, s.writer.WriteMessages(context.Background(), kafka.Message{Topic: topic, Key: []byte("a"), Value: []byte("\xff poison")}))
		}
	}
	add := func(query string, n uint64) { expected[query] = n }
	add("sum(quantity) FROM outcomes WHERE outcome = 'dead_letter' AND category = 'default'", 1)
	switch topic {
	case schema.TopicEvents:
		add("count() FROM events", n-3)
		add("uniqExact(event_id) FROM events", n-3)
		add("count() FROM events WHERE weight = 0", 1)
		add("sum(events) FROM issue_rollup", n-4)
		add("sum(events) FROM issue_tag WHERE key = 'level'", n-4)
		add("sum(errors) FROM trace_index", n-4)
		add("count() FROM attachments", n-2-2)
		add("sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND category = 'error'", 2)
		add("sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND category = 'attachment'", 2)
		add("sum(quantity) FROM outcomes WHERE outcome = 'dead_letter' AND category != 'default'", 3)
		add("sum(quantity) FROM outcomes WHERE outcome = 'accepted' AND category = 'error'", n)
		add("count() FROM event_outcomes WHERE outcome = 'duplicate'", 2)
	case schema.TopicSpans:
		add("count() FROM spans", 2*n)
		add("sum(spans) FROM trace_index", n)
	case schema.TopicLogs:
		add("count() FROM logs", n)
	case schema.TopicSessions:
		add("count() FROM check_ins", n)
		add("count() FROM metrics", n)
		add("count() FROM sessions", n)
	case schema.TopicOutcomes:
		add("sum(quantity) FROM outcomes WHERE outcome = 'rate_limited'", n)
		add("count() FROM event_outcomes WHERE outcome = 'rate_limited'", n)
	}
	return expected
}

// caughtUp says whether a group has committed all of a topic.
func (s *store) caughtUp(topic, group string) bool {
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 10 * time.Second}
	ends, err := client.ListOffsets(context.Background(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(0)}}})
	if err != nil {
		return false
	}
	done, err := client.OffsetFetch(context.Background(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0}}})
	return err == nil && len(done.Topics[topic]) > 0 && done.Topics[topic][0].CommittedOffset == ends.Topics[topic][0].LastOffset
}

// A consumer dies after each of its statements in turn, those to ClickHouse and
// those to the broker, and another one goes on: nothing is lost, nothing is there
// twice, and the ledger is balanced, wherever it was.
func TestChaosEachStatement(t *testing.T) {
	if os.Getenv("ERRATA_CHAOS_KILLS") == "" {
		t.Skip("kills a consumer at each of its statements: make chaos runs it")
	}
	s := newStore(t, 1)
	exec := func(q string) { require.NoError(t, s.conn.Exec(context.Background(), q)) }
	defer func() { exec("DROP DATABASE " + s.database + " SYNC") }()
	exec("ALTER TABLE events ADD CONSTRAINT sane CHECK title != 'bad'")
	exec("ALTER TABLE attachments ADD CONSTRAINT sane CHECK name != 'bad'")
	f := newFence(t, s)
	cfg := s.config()
	cfg.ClickHouse.Addrs = []string{f.ln.Addr().String()}
	cfg.BatchRows, cfg.MinAge, cfg.MaxAge = 10, 10*time.Millisecond, 20*time.Millisecond
	cfg.SessionTimeout, cfg.Log = 500*time.Millisecond, nil
	c := &child{t: t, cfg: cfg, output: filepath.Join(t.TempDir(), "output")}
	defer func() { c.kill() }()
	total, number := map[string]uint64{}, uint64(0)
	for _, topic := range schema.Topics {
		for _, kind := range []string{"inserts", "commits"} {
			for n := 0; ; n++ {
				number++
				for q, more := range s.round(topic, number) {
					total[q] += more
				}
				f.open(kind, n)
				c.start()
				require.Eventually(t, func() bool { return f.died() || s.caughtUp(topic, cfg.Group) }, 90*time.Second, 10*time.Millisecond)
				died := f.died()
				f.die()
				c.kill()
				s.eventually(0, "SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND current_database = currentDatabase()")
				f.open("", 0)
				c.start()
				require.Eventually(t, func() bool { return s.caughtUp(topic, cfg.Group) }, 90*time.Second, 10*time.Millisecond)
				c.kill()
				for q, want := range total {
					require.Equal(t, want, s.number("SELECT "+q), "%s: dead after %d %s of %s", q, n, kind, topic)
				}
				s.balanced()
				if !died {
					t.Logf("%s: %d %s", topic, n, kind)
					break
				}
			}
		}
	}
}
