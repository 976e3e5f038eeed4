package consumer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"errata/schema"
)

type assertT = assert.CollectT

func TestRecordsBecomeRows(t *testing.T) {
	t.Parallel()
	s := newStore(t, 2)
	for n := range uint64(500) {
		s.send(schema.TopicEvents, fmt.Sprint(n), anEvent(n))
	}
	s.send(schema.TopicEvents, "7", anEvent(7)) // Sent again by a client that got no answer.
	at := epoch.UnixMilli()
	span := &schema.Span{TraceId: "0af7651916cd43dd8448eb211c80319c", SpanId: "b7ad6b7169203331", StartUs: at * 1000, DurationUs: 5, Protocol: schema.Protocol_PROTOCOL_OTLP, Name: "GET /",
		Events: []*schema.SpanEvent{{TimeUs: at * 1000, Name: "exception"}}, Measurements: []*schema.Measurement{{Name: "fcp", Value: 2.5, Unit: "s"}}}
	log := &schema.Log{TimeUs: at * 1000, Body: "hello", LogId: id16(9), Severity: 9}
	for range 2 { // An exporter sends the same bytes again.
		s.send(schema.TopicSpans, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Spans: []*schema.Span{span},
			Receipts: []*schema.Receipt{{Category: schema.CategorySpan, Quantity: 1}}})
		s.send(schema.TopicLogs, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Logs: []*schema.Log{log},
			Receipts: []*schema.Receipt{{Category: schema.CategoryLog, Quantity: 1}}})
	}
	for range 2 {
		s.send(schema.TopicSessions, "m", &schema.Record{ProjectId: 1, ReceivedAt: at, Receipts: []*schema.Receipt{{Category: schema.CategoryMetric, Quantity: 3}},
			Metrics: []*schema.Metric{{Name: "sent again", MetricId: 1 << 63, TimeUs: at * 1000}, {Name: "sent again", MetricId: 2, TimeUs: at * 1000}, {Name: "no id", TimeUs: at * 1000}}})
	}
	// Rows without an id are nobody's repetition.
	s.send(schema.TopicLogs, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Logs: []*schema.Log{{TimeUs: at * 1000}, {TimeUs: at * 1000}},
		Receipts: []*schema.Receipt{{Category: schema.CategoryLog, Quantity: 2}}})
	s.send(schema.TopicSpans, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Spans: []*schema.Span{{StartUs: at * 1000}, {StartUs: at * 1000}},
		Receipts: []*schema.Receipt{{Category: schema.CategorySpan, Quantity: 2}}})
	s.send(schema.TopicOutcomes, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Receipts: []*schema.Receipt{{Category: schema.CategoryError, Quantity: 2}},
		Outcomes: []*schema.Outcome{{Category: schema.CategoryError, Outcome: schema.OutcomeFiltered, Reason: "localhost", Quantity: 2, EventId: id16(77)}}})
	s.send(schema.TopicSessions, "a", &schema.Record{ProjectId: 1, ReceivedAt: at,
		Receipts: []*schema.Receipt{{Category: schema.CategorySession, Quantity: 2}, {Category: schema.CategoryMonitor, Quantity: 1}, {Category: schema.CategoryMetric, Quantity: 1}},
		Sessions: []*schema.Session{{SessionId: id16(3), Started: at, Timestamp: at}, {Quantity: 4, Started: at}},
		CheckIns: []*schema.CheckIn{{CheckInId: id16(4), Monitor: "nightly", Status: "ok", Timestamp: at}},
		Metrics:  []*schema.Metric{{Name: "hits", Type: "counter", Value: 1, Count: 1, TimeUs: at * 1000}},
		Monitors: []*schema.Monitor{{Slug: "nightly", Schedule: "0 0 * * *"}}})

	stop := s.start(s.config())
	s.eventually(500, "SELECT count() FROM events")
	s.eventually(3, "SELECT count() FROM spans")
	s.eventually(3, "SELECT count() FROM logs")
	s.eventually(2, "SELECT count() FROM sessions")
	s.eventually(2, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'filtered'")
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND category = 'error'")
	s.eventually(1, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND category = 'span'")
	s.eventually(2, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND category = 'trace_metric'")
	stop()
	require.EqualValues(t, 2, s.number("SELECT count() FROM metrics WHERE name = 'no id'"))
	// What another process knows of the rows before is read from the table.
	s.send(schema.TopicSessions, "m", &schema.Record{ProjectId: 1, ReceivedAt: at, Receipts: []*schema.Receipt{{Category: schema.CategoryMetric, Quantity: 2}},
		Metrics: []*schema.Metric{{Name: "sent again", MetricId: 1 << 63, TimeUs: at * 1000}, {Name: "sent again", MetricId: 3, TimeUs: at * 1000}}})
	stop = s.start(s.config())
	s.eventually(3, "SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate' AND category = 'trace_metric'")
	stop()
	require.EqualValues(t, 3, s.number("SELECT uniqExact(metric_id) FROM metrics WHERE name = 'sent again'"))
	require.EqualValues(t, 3, s.number("SELECT count() FROM metrics WHERE name = 'sent again'"))
	require.EqualValues(t, 500, s.number("SELECT uniqExact(event_id) FROM events"))
	require.EqualValues(t, 500, s.number("SELECT sum(weight) FROM events"))
	require.EqualValues(t, 1, s.number("SELECT count() FROM event_outcomes WHERE outcome = 'duplicate'"))
	require.EqualValues(t, 1, s.number("SELECT count() FROM event_outcomes WHERE outcome = 'filtered' AND reason = 'localhost'"))
	require.EqualValues(t, 1, s.number("SELECT count() FROM check_ins WHERE monitor = 'nightly'"))
	require.EqualValues(t, 1, s.number("SELECT count() FROM metrics WHERE name = 'hits'"))
	require.EqualValues(t, 1, s.number("SELECT count() FROM monitors"))
	s.balanced()
}

// Not parallel: it looks at all goroutines.
func TestStopLeavesNothingBehind(t *testing.T) {
	s := newStore(t, 2)
	s.send(schema.TopicEvents, "a", anEvent(1))
	s.eventually(0, "SELECT count() FROM events")
	before := goleak.IgnoreCurrent()
	stop := s.start(s.config())
	s.eventually(1, "SELECT count() FROM events")
	for n := range uint64(100) {
		s.send(schema.TopicEvents, "a", anEvent(2+n))
	}
	stop()
	// The broker of the test runs in this process: its side of connections ends
	// a little later, and so does a fetch that was under way.
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/segmentio/kafka-go.(*conn).run"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read.func1"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
	stored := s.number("SELECT count() FROM events")
	defer s.start(s.config())()
	s.eventually(101, "SELECT count() FROM events")
	t.Logf("%d of 101 were stored before the stop", stored)
}
