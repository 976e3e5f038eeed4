package consumer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/consumer/replay"
	"errata/schema"
)

func (s *store) replay() replay.Result {
	s.t.Helper()
	r, err := replay.Run(context.Background(), replay.Config{Brokers: s.brokers})
	require.NoError(s.t, err)
	return r
}

func TestUndecodableRecordIsADeadLetter(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	newer, err := (&schema.Record{Version: schema.WireVersion + 1, ProjectId: 1}).MarshalVT()
	require.NoError(t, err)
	s.send(schema.TopicEvents, "a", anEvent(1))
	require.NoError(t, s.writer.WriteMessages(context.Background(),
		kafka.Message{Topic: schema.TopicEvents, Key: []byte("a"), Value: []byte("\xff\xff not a record")},
		kafka.Message{Topic: schema.TopicEvents, Key: []byte("a"), Value: newer},
		kafka.Message{Topic: schema.TopicEvents, Key: []byte("a")}))
	s.send(schema.TopicEvents, "a", anEvent(2))
	defer s.start(s.config())()
	s.eventually(2, "SELECT count() FROM events")
	s.eventually(3, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter' AND reason = 'decode'")
	s.balanced()

	r := s.replay()
	require.Equal(t, 2, r.Sent, "what still cannot be read comes back: %+v", r)
	require.Equal(t, 1, r.Useless, "the empty one")
	s.eventually(5, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter'")
	s.balanced()
}

// A letter that cannot be read yet is one letter more for each time that it comes
// back, however often it is sent: else a later build, which can read them, would
// store what has no ids once for each.
func TestUndecodableLettersDoNotMultiply(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	require.NoError(t, s.writer.WriteMessages(context.Background(), kafka.Message{Topic: schema.TopicSessions, Key: []byte("a"), Value: []byte("\xff\xff not a record")}))
	stop := s.start(s.config())
	again := func(sent int, dead, duplicates uint64) {
		t.Helper()
		r, err := replay.Run(context.Background(), replay.Config{Brokers: s.brokers, Again: true})
		require.NoError(t, err)
		require.Equal(t, sent, r.Sent)
		s.eventually(dead+duplicates, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'accepted'")
		require.Equal(t, dead, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter'"))
		require.Equal(t, duplicates, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND reason = 'replayed'"))
		s.balanced()
	}
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter'")
	again(1, 2, 0)
	again(2, 3, 1)
	stop() // The next life knows it from the table.
	defer s.start(s.config())()
	again(3, 4, 3)
}

func TestRefusedRowsAreSetAside(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	exec := func(q string) { require.NoError(t, s.conn.Exec(context.Background(), q)) }
	exec("ALTER TABLE events ADD CONSTRAINT sane CHECK title != 'poison'")
	exec("ALTER TABLE spans ADD CONSTRAINT sane CHECK name != 'poison'")
	poison := map[uint64]bool{3: true, 17: true, 18: true, 99: true}
	var all []*schema.Record
	for n := range uint64(100) {
		e := anEvent(n)
		if poison[n] {
			e.Event.Title = "poison"
		}
		all = append(all, e)
	}
	all = append(all, anEvent(50)) // A repetition after the refused rows.
	s.send(schema.TopicEvents, "a", all...)
	at := epoch.UnixMilli()
	s.send(schema.TopicSpans, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Receipts: []*schema.Receipt{{Category: schema.CategorySpan, Quantity: 3}},
		Spans: []*schema.Span{{TraceId: "t", SpanId: "1", Name: "good", StartUs: at * 1000}, {TraceId: "t", SpanId: "2", Name: "poison", StartUs: at * 1000}, {TraceId: "t", SpanId: "3", Name: "good", StartUs: at * 1000}}})
	stop := s.start(s.config())
	s.eventually(96, "SELECT count() FROM events")
	s.eventually(4, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter' AND category = 'error'")
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter' AND category = 'span'")
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'")
	s.eventually(4, "SELECT count() FROM event_outcomes WHERE outcome = 'dead_letter'")
	require.EqualValues(t, 2, s.number("SELECT count() FROM spans"))
	s.balanced()

	exec("ALTER TABLE events DROP CONSTRAINT sane")
	exec("ALTER TABLE spans DROP CONSTRAINT sane")
	require.Equal(t, 5, s.replay().Sent)
	s.eventually(100, "SELECT uniqExact(event_id) FROM events")
	s.eventually(3, "SELECT count() FROM spans")
	require.Zero(t, s.replay().Sent, "a second replay has nothing to send")
	r, err := replay.Run(context.Background(), replay.Config{Brokers: s.brokers, Again: true})
	require.NoError(t, err)
	require.Equal(t, 5, r.Sent)
	s.eventually(6, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'")
	stop()
	require.EqualValues(t, 100, s.number("SELECT count() FROM events"), "sending again stores nothing twice")
	require.EqualValues(t, 100, s.number("SELECT sum(events) FROM issue_rollup"))
	require.Zero(t, s.number("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'probe_%'"))
	s.balanced()
}

// More rows are refused than an announcement can name, of one record and of many
// whose events are stored already: the partition goes on, nothing is lost.
func TestManyRefusedRows(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	exec := func(q string) { require.NoError(t, s.conn.Exec(context.Background(), q)) }
	exec("ALTER TABLE spans ADD CONSTRAINT sane CHECK name != 'poison'")
	exec("ALTER TABLE attachments ADD CONSTRAINT sane CHECK name != 'poison'")
	const many = 400
	at := epoch.UnixMilli()
	spans := &schema.Record{ProjectId: 1, ReceivedAt: at, Receipts: []*schema.Receipt{{Category: schema.CategorySpan, Quantity: many + 1}}}
	for i := range many + 1 {
		name := "poison"
		if i == 0 {
			name = "good"
		}
		spans.Spans = append(spans.Spans, &schema.Span{TraceId: "t", SpanId: fmt.Sprint(i), Name: name, StartUs: at * 1000})
	}
	s.send(schema.TopicSpans, "a", spans)
	var all []*schema.Record
	for n := range uint64(many) {
		e := anEvent(n)
		name := "poison"
		if n%50 == 7 {
			name = "good"
		}
		e.Attachments = []*schema.Attachment{{EventId: e.Event.EventId, Name: name, Size: 5, Timestamp: at, ItemType: "attachment"}}
		e.Receipts = append(e.Receipts, &schema.Receipt{Category: schema.CategoryAttachment, Quantity: 1})
		all = append(all, e)
	}
	s.send(schema.TopicEvents, "a", all...)
	cfg := s.config()
	cfg.MinAge, cfg.MaxAge = time.Second, time.Second // One block.
	defer s.start(cfg)()
	s.eventually(many, "SELECT count() FROM events")
	s.eventually(many+1, "SELECT sum(quantity) FROM outcomes WHERE category = 'span' AND outcome IN ('stored', 'dead_letter')")
	s.eventually(many, "SELECT sum(quantity) FROM outcomes WHERE category = 'attachment' AND outcome IN ('stored', 'dead_letter')")
	s.balanced()
	exec("ALTER TABLE spans DROP CONSTRAINT sane")
	exec("ALTER TABLE attachments DROP CONSTRAINT sane")
	s.replay()
	s.eventually(many+1, "SELECT uniqExact(span_id) FROM spans")
	s.eventually(many, "SELECT count() FROM attachments")
	s.eventually(many+1, "SELECT count() FROM spans")
	s.balanced()
}

// What is sent again twice is stored once, whether or not its rows have ids, and
// however many records came in between; and rows of one record that died at the
// same place of their tables are letters of their own.
func TestLettersComeBackOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, 2)
	refused := []string{"events", "attachments", "feedback", "sessions", "check_ins", "spans"}
	for _, table := range refused {
		require.NoError(t, s.conn.Exec(context.Background(), "ALTER TABLE "+table+" ADD CONSTRAINT sane CHECK project_id != 7"))
	}
	at := epoch.UnixMilli()
	e := anEvent(1)
	e.ProjectId = 7
	e.Attachments = []*schema.Attachment{{EventId: e.Event.EventId, Name: "a.txt", Size: 5, Timestamp: at, ItemType: "attachment"}}
	e.Feedback = []*schema.Feedback{{EventId: e.Event.EventId, Timestamp: at, Message: "it broke"}}
	e.Receipts = append(e.Receipts, &schema.Receipt{Category: e.Attachments[0].Category(), Quantity: 1}, &schema.Receipt{Category: e.Feedback[0].Category(), Quantity: 1})
	s.send(schema.TopicEvents, "a", e)
	bucket, checkIn := &schema.Session{Started: at, Timestamp: at, Quantity: 40, Release: "a@1"}, &schema.CheckIn{CheckInId: e.Event.EventId, Monitor: "nightly", Status: "ok", Timestamp: at}
	s.send(schema.TopicSessions, "a", &schema.Record{ProjectId: 7, ReceivedAt: at, Sessions: []*schema.Session{bucket}, CheckIns: []*schema.CheckIn{checkIn},
		Receipts: []*schema.Receipt{{Category: bucket.Category(), Quantity: 1}, {Category: checkIn.Category(), Quantity: 1}}})
	s.send(schema.TopicSpans, "a", &schema.Record{ProjectId: 7, ReceivedAt: at, Spans: []*schema.Span{{Name: "without ids", StartUs: at * 1000}},
		Receipts: []*schema.Receipt{{Category: schema.CategorySpan, Quantity: 1}}})
	cfg := s.config()
	cfg.DuplicateRecords, cfg.DuplicateRows = 4, 4
	stop := s.start(cfg)
	s.eventually(6, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter'")
	for _, table := range refused {
		require.Zero(t, s.number("SELECT count() FROM "+table), table)
		require.NoError(t, s.conn.Exec(context.Background(), "ALTER TABLE "+table+" DROP CONSTRAINT sane"))
	}
	require.Equal(t, 6, s.replay().Sent)
	s.eventually(6, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'stored'")
	for n := range uint64(20) { // More than the windows of ids reach.
		s.send(schema.TopicEvents, "a", anEvent(100+n))
	}
	s.eventually(21, "SELECT count() FROM events")
	stop() // The next life rebuilds what it remembers from the tables.
	defer s.start(cfg)()
	again, err := replay.Run(context.Background(), replay.Config{Brokers: s.brokers, Again: true})
	require.NoError(t, err)
	require.Equal(t, 6, again.Sent)
	s.eventually(6, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND reason = 'replayed'")
	for _, table := range refused {
		require.EqualValues(t, 1, s.number("SELECT count() FROM "+table+" WHERE project_id = 7"), table)
	}
	s.balanced()
}

func TestReplayTellsWhatItWouldSend(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	require.NoError(t, s.writer.WriteMessages(context.Background(), kafka.Message{Topic: schema.TopicEvents, Key: []byte("a"), Value: []byte("\xff")}))
	defer s.start(s.config())()
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter'")
	var told []replay.Letter
	r, err := replay.Run(context.Background(), replay.Config{Brokers: s.brokers, DryRun: true, Each: func(l replay.Letter) { told = append(told, l) }})
	require.NoError(t, err)
	require.Equal(t, replay.Result{Read: 1}, r)
	require.Len(t, told, 1)
	require.Equal(t, "errata.events/0/0 decode", fmt.Sprintf("%s/%d/%d %s", told[0].Topic, told[0].Partition, told[0].Offset, told[0].Stage))
	require.NotEmpty(t, told[0].Reason)
}
