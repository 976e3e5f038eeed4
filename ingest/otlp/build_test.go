package otlp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	respb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
)

func str(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

func num(i int64) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: i}}
}

// attrs makes string attributes of keys and values in turn.
func attrs(kv ...string) []*common.KeyValue {
	var out []*common.KeyValue
	for i := 0; i < len(kv); i += 2 {
		out = append(out, &common.KeyValue{Key: kv[i], Value: str(kv[i+1])})
	}
	return out
}

// at is a time in milliseconds after a fixed instant, in nanoseconds.
func at(ms int) uint64 { return uint64(captured.Add(time.Duration(ms) * time.Millisecond).UnixNano()) }

func bytes16(n byte) []byte { return append(make([]byte, 15), n) }
func bytes8(n byte) []byte  { return append(make([]byte, 7), n) }

// traceback writes a Python traceback; each frame is "file:line:function".
func traceback(typ, message string, frames ...string) string {
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	for _, f := range frames {
		p := strings.Split(f, ":")
		fmt.Fprintf(&b, "  File %q, line %s, in %s\n    call()\n", p[0], p[1], p[2])
	}
	fmt.Fprintf(&b, "%s: %s\n", typ, message)
	return b.String()
}

// thrownAt makes an exception event.
func thrownAt(ms int, typ, message, stack string, more ...string) *tracepb.Span_Event {
	kv := append([]string{"exception.type", typ, "exception.message", message}, more...)
	if stack != "" {
		kv = append(kv, "exception.stacktrace", stack)
	}
	return &tracepb.Span_Event{Name: "exception", TimeUnixNano: at(ms), Attributes: attrs(kv...)}
}

func span(id, parent byte, from, to int, events ...*tracepb.Span_Event) *tracepb.Span {
	s := &tracepb.Span{
		TraceId: bytes16(1), SpanId: bytes8(id), Name: fmt.Sprintf("span-%d", id), Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: at(from), EndTimeUnixNano: at(to), Events: events,
	}
	if parent != 0 {
		s.ParentSpanId = bytes8(parent)
	}
	return s
}

func tracesOf(resource []*common.KeyValue, spans ...*tracepb.Span) *coltrace.ExportTraceServiceRequest {
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &respb.Resource{Attributes: resource},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "scope", Version: "1"}, Spans: spans}},
	}}}
}

func logsOf(resource []*common.KeyValue, records ...*logspb.LogRecord) *collogs.ExportLogsServiceRequest {
	return &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
		Resource:  &respb.Resource{Attributes: resource},
		ScopeLogs: []*logspb.ScopeLogs{{Scope: &common.InstrumentationScope{Name: "shop.logger"}, LogRecords: records}},
	}}}
}

// run sends a message through its adapter and checks the balance.
func run(t *testing.T, a Adapter, m proto.Message) (*intake.Batch, *Partial) {
	t.Helper()
	body, err := proto.Marshal(m)
	require.NoError(t, err)
	b, p, err := a(request(t), body, "application/x-protobuf")
	require.NoError(t, err)
	balanced(t, b)
	return b, p
}
