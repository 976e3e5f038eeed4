package astray_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp/astray"
)

func ofSpan(s *trace.Span) proto.Message {
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "lib"}, Spans: []*trace.Span{s}}}}}}
}

func ofLog(r *logs.LogRecord) proto.Message {
	return &collogs.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{ScopeLogs: []*logs.ScopeLogs{{LogRecords: []*logs.LogRecord{r}}}}}}
}

func ofMetric(m *metrics.Metric) proto.Message {
	return &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metrics.ResourceMetrics{{ScopeMetrics: []*metrics.ScopeMetrics{{Metrics: []*metrics.Metric{m}}}}}}
}

func attributes(key, value string) []*common.KeyValue {
	return []*common.KeyValue{{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}}
}

// What is of its own path is never taken for another's, whatever it leaves out;
// what is of another's is told wherever it has what that signal always has.
func TestProtobuf(t *testing.T) {
	t.Parallel()
	id := bytes.Repeat([]byte{7}, 16)
	body := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "hello"}}
	point := []*metrics.NumberDataPoint{{TimeUnixNano: 3, Value: &metrics.NumberDataPoint_AsInt{AsInt: 3}}}
	for _, c := range []struct {
		name string
		m    proto.Message
		own  string
		told bool // Whether it is known at another path.
	}{
		{"span", ofSpan(&trace.Span{TraceId: id, SpanId: id[:8], Name: "GET /", Kind: 2, StartTimeUnixNano: 1, EndTimeUnixNano: 2, Attributes: attributes("a", "b"), Events: []*trace.Span_Event{{Name: "x", TimeUnixNano: 1}}}), astray.Traces, true},
		{"span of ids", ofSpan(&trace.Span{TraceId: id, SpanId: id[:8], Name: "GET /"}), astray.Traces, true},
		{"span without ids and times", ofSpan(&trace.Span{Name: "GET /", Attributes: attributes("a", "b")}), astray.Traces, false},
		{"span with an id of the wrong length", ofSpan(&trace.Span{TraceId: id[:8], Name: "GET /", Attributes: attributes("a", "b"), Events: []*trace.Span_Event{{Name: "x"}}}), astray.Traces, false},
		{"empty span", ofSpan(&trace.Span{}), astray.Traces, false},
		{"log record", ofLog(&logs.LogRecord{TimeUnixNano: 1, Body: body}), astray.Logs, true},
		{"log record with severity", ofLog(&logs.LogRecord{SeverityNumber: 9, SeverityText: "INFO", Body: body}), astray.Logs, true},
		{"log record of a body", ofLog(&logs.LogRecord{Body: body, TraceId: id, SpanId: id[:8], Attributes: attributes("a", "b")}), astray.Logs, false},
		{"gauge", ofMetric(&metrics.Metric{Name: "m", Data: &metrics.Metric_Gauge{Gauge: &metrics.Gauge{DataPoints: point}}}), astray.Metrics, true},
		{"gauge with a name as long as an id", ofMetric(&metrics.Metric{Name: "queue.length.max", Description: "Requests", Data: &metrics.Metric_Gauge{Gauge: &metrics.Gauge{DataPoints: point}}}), astray.Metrics, true},
		{"sum", ofMetric(&metrics.Metric{Name: "m", Unit: "1", Data: &metrics.Metric_Sum{Sum: &metrics.Sum{DataPoints: point, AggregationTemporality: 2, IsMonotonic: true}}}), astray.Metrics, true},
		{"histogram", ofMetric(&metrics.Metric{Name: "m", Data: &metrics.Metric_Histogram{Histogram: &metrics.Histogram{AggregationTemporality: 2, DataPoints: []*metrics.HistogramDataPoint{{Count: 1}}}}}), astray.Metrics, true},
		{"summary", ofMetric(&metrics.Metric{Name: "m", Data: &metrics.Metric_Summary{Summary: &metrics.Summary{DataPoints: []*metrics.SummaryDataPoint{{Count: 1}}}}}), astray.Metrics, true},
		{"metric without points", ofMetric(&metrics.Metric{Name: "m", Data: &metrics.Metric_Gauge{Gauge: &metrics.Gauge{}}}), astray.Metrics, false},
		{"nothing", ofLog(nil), astray.Logs, false},
	} {
		b, err := proto.Marshal(c.m)
		require.NoError(t, err)
		for _, at := range []string{astray.Traces, astray.Logs, astray.Metrics} {
			want := ""
			if at != c.own && c.told {
				want = c.own
			}
			require.Equal(t, want, astray.Protobuf(b, at), "%s at %s", c.name, at)
			for n := range b {
				astray.Protobuf(b[:n], at)
			}
		}
	}
}

// What each request in protobuf pays.
func BenchmarkProtobuf(b *testing.B) {
	id := bytes.Repeat([]byte{7}, 16)
	body, err := proto.Marshal(ofSpan(&trace.Span{TraceId: id, SpanId: id[:8], Name: "GET /", Kind: 2, StartTimeUnixNano: 1, EndTimeUnixNano: 2, Attributes: attributes("http.route", "/orders/{order_id}")}))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		astray.Protobuf(body, astray.Traces)
	}
}
