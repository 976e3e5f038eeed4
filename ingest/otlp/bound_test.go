package otlp

import (
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/decode"
	"errata/schema"
)

// TestMemoryIsBounded sends bodies that ask for as much memory as they can. It
// measures all that is allocated, which is more than what is held at once. It
// runs alone, for the figures are those of the whole process.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	wide := func(n, size int) []*common.KeyValue {
		var kv []string
		for i := range n {
			kv = append(kv, strings.Repeat("k", 1+i%60)+string(rune('a'+i/60)), strings.Repeat("v", size))
		}
		return attrs(kv...)
	}
	repeated := "Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\n  [Previous line repeated 990 more times]\n  File \"/a.py\", line 1, in g\n  [Previous line repeated 990 more times]\nE: m\n"
	one := func(i int) *tracepb.Span {
		s := span(0, 0, i%1000, i%1000+1)
		s.SpanId = []byte{1, 0, 0, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
		s.Name = ""
		return s
	}
	tests := map[string]func() (Signal, proto.Message){
		"small spans": func() (Signal, proto.Message) {
			var spans []*tracepb.Span
			for i := range decode.MaxItems {
				spans = append(spans, one(i))
			}
			return SignalTraces, tracesOf(nil, spans...)
		},
		"a chain of spans that all fail alike": func() (Signal, proto.Message) {
			var spans []*tracepb.Span
			for i := range decode.MaxItems {
				s := one(i)
				if i > 0 {
					s.ParentSpanId = spans[i-1].SpanId
				}
				s.Events = []*tracepb.Span_Event{{Name: "exception", TimeUnixNano: at(1), Attributes: attrs("exception.type", "E")}}
				spans = append(spans, s)
			}
			return SignalTraces, tracesOf(nil, spans...)
		},
		"many errors on one wide span": func() (Signal, proto.Message) {
			s := one(1)
			s.Attributes = wide(120, 300)
			for i := range 20_000 {
				s.Events = append(s.Events, &tracepb.Span_Event{Name: "exception", TimeUnixNano: at(i), Attributes: attrs("exception.type", "E")})
			}
			return SignalTraces, tracesOf(wide(120, 8000), s)
		},
		"stacks that repeat themselves": func() (Signal, proto.Message) {
			s := one(1)
			for i := range 20_000 {
				s.Events = append(s.Events, thrownAt(i, "E", "m", repeated))
			}
			return SignalTraces, tracesOf(attrs("telemetry.sdk.language", "python"), s)
		},
		"many attributes": func() (Signal, proto.Message) {
			s := one(1)
			for range 300_000 {
				s.Attributes = append(s.Attributes, &common.KeyValue{Key: "k", Value: num(1)})
			}
			return SignalTraces, tracesOf(nil, s)
		},
		"many error logs": func() (Signal, proto.Message) {
			var logs []*logspb.LogRecord
			for range decode.MaxItems {
				logs = append(logs, &logspb.LogRecord{Attributes: attrs("exception.type", "E")})
			}
			return SignalLogs, logsOf(wide(120, 8000), logs...)
		},
	}
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			s, m := build()
			body, err := proto.Marshal(m)
			require.NoError(t, err)
			require.Less(t, len(body), MaxBytes)
			req := request(t)
			runtime.GC()
			var before, after, held runtime.MemStats
			runtime.ReadMemStats(&before)
			b, p, err := Adapt(s)(req, body, "application/x-protobuf")
			runtime.ReadMemStats(&after)
			runtime.GC()
			runtime.ReadMemStats(&held)
			require.NoError(t, err)
			t.Logf("body %d KiB, allocated %d MiB, held %d MiB", len(body)>>10, (after.TotalAlloc-before.TotalAlloc)>>20, (int64(held.HeapAlloc)-int64(before.HeapAlloc))>>20)
			balanced(t, b)
			t.Logf("%d spans, %d logs, %d events, %v", len(b.Spans), len(b.Logs), len(b.Events), p)
			require.LessOrEqual(t, len(b.Events), maxErrors)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(400))
			runtime.KeepAlive(b)
		})
	}
}

// TestRowsFitIntoRecords sends rows that are as large as they can be: what the
// topic cannot take would be lost behind a 200.
func TestRowsFitIntoRecords(t *testing.T) {
	t.Parallel()
	wide := func() []*common.KeyValue {
		var kv []string
		for i := range schema.MaxAttributes {
			kv = append(kv, strings.Repeat("k", 150)+string(rune('a'+i)), strings.Repeat("😀", 2000))
		}
		return attrs(kv...)
	}
	s := span(1, 0, 0, 5)
	s.Name, s.Status = strings.Repeat("😀", 5000), &tracepb.Status{Message: strings.Repeat("😀", 9000)}
	s.Attributes = wide()
	for range 5 {
		s.Events = append(s.Events, &tracepb.Span_Event{Name: strings.Repeat("e", 300), Attributes: wide()})
	}
	for range 128 {
		s.Links = append(s.Links, &tracepb.Span_Link{TraceId: bytes16(1), SpanId: bytes8(1), Attributes: attrs("k", strings.Repeat("v", 3000))})
	}
	m := tracesOf(wide(), s)
	m.ResourceSpans[0].ScopeSpans[0].Scope.Attributes = attrs("who", "me")
	b, p := run(t, Traces, m)
	require.Nil(t, p)
	row := b.Spans[0]
	require.Less(t, row.SizeVT(), schema.MaxRecordBytes-4096)
	require.Greater(t, row.SizeVT(), schema.MaxRecordBytes/2, "what fits is kept")
	require.NotEmpty(t, attribute.Value(row.Attributes, attribute.DroppedAttributes))
	require.NotEmpty(t, attribute.Value(row.Attributes, attribute.TrimmedValues))
	require.NotEmpty(t, attribute.Value(row.Attributes, attribute.DroppedEvents))
	for _, a := range row.Attributes {
		require.True(t, utf8.ValidString(a.Value))
	}

	l := logsOf(wide(), &logspb.LogRecord{Body: str(strings.Repeat("😀", 9000)), Attributes: wide()})
	b, _ = run(t, Logs, l)
	require.Less(t, b.Logs[0].SizeVT(), schema.MaxRecordBytes-4096)

	b, _ = run(t, Traces, func() proto.Message {
		m := tracesOf(nil, span(1, 0, 0, 5))
		m.ResourceSpans[0].ScopeSpans[0].Scope.Attributes = attrs("who", "me")
		return m
	}())
	require.Equal(t, "me", attribute.Value(b.Spans[0].Attributes, "otel.scope.who"))
}
