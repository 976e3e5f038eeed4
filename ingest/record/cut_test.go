package record

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"errata/ingest/intake"
	"errata/schema"
)

func testBatch() *intake.Batch {
	return &intake.Batch{Request: &intake.Request{Project: &intake.Project{Project: schema.Project{ID: 7, RetentionDays: 30}}, ReceivedAt: time.UnixMilli(1_790_000_000_123)}}
}

func decoded(t require.TestingT, b *intake.Batch) ([]*schema.Record, []string) {
	messages, err := Cut(b)
	require.NoError(t, err)
	var out []*schema.Record
	var topics []string
	for _, m := range messages {
		require.LessOrEqual(t, len(m.Value), schema.MaxRecordBytes)
		r := &schema.Record{}
		require.NoError(t, schema.DecodeRecord(r, m.Value))
		require.EqualValues(t, 7, r.ProjectId)
		require.EqualValues(t, 1_790_000_000_123, r.ReceivedAt)
		out, topics = append(out, r), append(topics, m.Topic)
	}
	return out, topics
}

func TestAnEventOverTheRecordSizeIsTrimmed(t *testing.T) {
	for name, payload := range map[string]string{
		"large extra":   `{"message":"m","extra":{"x":"` + strings.Repeat("a", 1<<20) + `"}}`,
		"large crumbs":  `{"message":"m","breadcrumbs":{"values":[{"message":"` + strings.Repeat("a", 1<<20) + `"}]}}`,
		"large vars":    `{"message":"m","exception":{"values":[{"value":"v","stacktrace":{"frames":[{"function":"f","vars":{"x":"` + strings.Repeat("a", 1<<20) + `"}}]}}]}}`,
		"controls":      `{"message":"a\u0000b\u0007c\u001b\u007f\u2028","extra":{"x":"` + strings.Repeat("a", 1<<20) + `"}}`,
		"large message": `{"message":"` + strings.Repeat("a", 1<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := testBatch()
			b.Events = []*schema.Event{{EventId: []byte("0123456789abcdef"), Title: "kept", Payload: []byte(payload)}}
			recs, _ := decoded(t, b)
			require.Len(t, recs, 1)
			require.Equal(t, "kept", recs[0].Event.Title)
			v, err := fastjson.ParseBytes(recs[0].Event.Payload)
			require.NoError(t, err)
			require.True(t, json.Valid(recs[0].Event.Payload), "JSON as others read it")
			require.NotEmpty(t, v.GetArray("_errata", "trimmed"), "what is missing is named")
		})
	}
}

func TestKeysKeepWitnessesTogether(t *testing.T) {
	b := testBatch()
	trace := "0123456789abcdef0123456789abcdef"
	b.Events = []*schema.Event{{EventId: []byte("0123456789abcdef"), TraceId: trace}, {EventId: []byte("fedcba9876543210")}}
	b.Spans = []*schema.Span{{TraceId: trace}}
	messages, err := Cut(b)
	require.NoError(t, err)
	require.Len(t, messages, 3)
	require.Equal(t, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", string(messages[0].Key))
	require.Equal(t, "fedcba9876543210", string(messages[1].Key))
	require.Equal(t, messages[0].Key, messages[2].Key)
}

// Updates of one session go to one partition, with whatever else they come: it is
// decided there which of them counts.
func TestUpdatesOfASessionAreKeyedByIt(t *testing.T) {
	b := testBatch()
	one, two := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	b.Sessions = []*schema.Session{{SessionId: one}, {SessionId: one, Seq: 2}, {SessionId: two}, {Release: "a"}, {Release: "b"}}
	b.Receipts = []*schema.Receipt{{Category: schema.CategorySession, Quantity: 5, Bytes: 50}}
	messages, err := Cut(b)
	require.NoError(t, err)
	for _, m := range messages {
		r := &schema.Record{}
		require.NoError(t, schema.DecodeRecord(r, m.Value))
		for _, x := range r.Sessions {
			if len(x.SessionId) > 0 {
				require.Equal(t, x.SessionId, m.Key)
			}
		}
		require.EqualValues(t, len(r.Sessions), r.Receipts[0].Quantity)
	}
	require.Len(t, messages, 2)
}

// Each record is in balance by itself: whatever becomes of the others, what it
// says to be accepted is what it holds.
func TestRecordsBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := testBatch()
		want := map[string]uint64{}
		add := func(category string, n int) {
			if n > 0 {
				b.Accept(category, uint64(n), uint64(100*n))
				want[category] += uint64(n)
			}
		}
		n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
		for i := range n("events", 3) {
			ev := &schema.Event{EventId: fmt.Appendf(nil, "event%011d", i), Type: rapid.SampledFrom([]string{"error", "csp", "feedback"}).Draw(t, "type")}
			b.Events = append(b.Events, ev)
			add(ev.Category(), 1)
			if rapid.Bool().Draw(t, "attachment") {
				b.Attachments = append(b.Attachments, &schema.Attachment{EventId: ev.EventId})
				add(schema.CategoryAttachment, 1)
			}
		}
		for i := range n("spans", 5) {
			b.Spans = append(b.Spans, &schema.Span{TraceId: strings.Repeat("a", 32), Name: strings.Repeat("x", n("size", 400)*1000), IsSegment: i == 0, EventId: []byte("e")})
			add(b.Spans[i].Category(), 1)
		}
		for range n("logs", 5) {
			b.Logs = append(b.Logs, &schema.Log{Body: strings.Repeat("x", n("size", 400)*1000)})
			add(schema.CategoryLog, 1)
		}
		for range n("sessions", 2) {
			b.Sessions = append(b.Sessions, &schema.Session{SessionId: []byte("s")})
			add(schema.CategorySession, 1)
		}
		for range n("metrics", 2) {
			b.Metrics = append(b.Metrics, &schema.Metric{Name: "m"})
			add(schema.CategoryMetric, 1)
		}
		for range n("fates", 2) {
			b.Fate(&schema.Outcome{Category: schema.CategoryUnknown, Outcome: schema.OutcomeDropped, Quantity: 1})
			add(schema.CategoryUnknown, 1)
		}
		recs, topics := decoded(t, b)
		total := map[string]uint64{}
		for i, r := range recs {
			has, says := map[string]uint64{}, map[string]uint64{}
			if r.Event != nil {
				require.Equal(t, schema.TopicEvents, topics[i])
				has[r.Event.Category()]++
			}
			for _, x := range r.Attachments {
				has[x.Category()]++
			}
			for _, x := range r.Spans {
				require.Equal(t, schema.TopicSpans, topics[i])
				has[x.Category()]++
			}
			for range r.Logs {
				require.Equal(t, schema.TopicLogs, topics[i])
				has[schema.CategoryLog]++
			}
			for range r.Sessions {
				has[schema.CategorySession]++
			}
			for range r.Metrics {
				has[schema.CategoryMetric]++
			}
			for _, o := range r.Outcomes {
				has[o.Category] += o.Quantity
			}
			for _, x := range r.Receipts {
				says[x.Category] += x.Quantity
				total[x.Category] += x.Quantity
			}
			require.Equal(t, has, says)
		}
		require.Equal(t, want, total)
	})
}

func TestARowOverTheRecordSizeHasAFate(t *testing.T) {
	b := testBatch()
	b.Spans = []*schema.Span{{TraceId: strings.Repeat("a", 32), Name: strings.Repeat("x", schema.MaxRecordBytes)}, {TraceId: strings.Repeat("a", 32)}}
	b.Accept(schema.CategorySpan, 2, 0)
	recs, _ := decoded(t, b)
	require.Len(t, recs, 1)
	require.Len(t, recs[0].Spans, 1)
	require.Equal(t, schema.OutcomeTooLarge, recs[0].Outcomes[0].Outcome)
}
