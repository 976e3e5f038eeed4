package otlp

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp/decode"
)

// hundredSpans is a batch as a web service sends it: a server span with
// database spans beneath, some twelve attributes each, no errors.
func hundredSpans() *coltrace.ExportTraceServiceRequest {
	var spans []*tracepb.Span
	for i := range 100 {
		s := span(byte(i+1), 1, i, i+5)
		if i == 0 {
			s.ParentSpanId = nil
			s.Kind = tracepb.Span_SPAN_KIND_SERVER
		}
		s.Attributes = attrs("db.system.name", "postgresql", "db.namespace", "shop", "db.operation.name", "SELECT", "db.collection.name", "orders",
			"db.query.text", "SELECT id, total FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT 20",
			"server.address", "db-1.internal.example.com", "thread.name", "worker-3", "code.function.name", "shop.orders.list_orders")
		s.Attributes = append(s.Attributes, &common.KeyValue{Key: "server.port", Value: num(5432)}, &common.KeyValue{Key: "thread.id", Value: num(139872)},
			&common.KeyValue{Key: "db.response.returned_rows", Value: num(20)}, &common.KeyValue{Key: "retry", Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{}}})
		spans = append(spans, s)
	}
	return tracesOf(attrs("service.name", "shop", "service.version", "1.2.3", "deployment.environment.name", "production", "host.name", "web-1",
		"telemetry.sdk.language", "python", "telemetry.sdk.name", "opentelemetry", "telemetry.sdk.version", "1.45.2"), spans...)
}

// jsonOf writes a message as OTLP/JSON. The ids are base64, which costs about
// as much to read as hex.
func jsonOf(tb testing.TB, m proto.Message) []byte {
	b, err := protojson.Marshal(m)
	require.NoError(tb, err)
	return b
}

func Benchmark(b *testing.B) {
	hundred, err := proto.Marshal(hundredSpans())
	require.NoError(b, err)
	type body struct {
		name, contentType string
		adapter           Adapter
		data              []byte
	}
	bodies := []body{
		{"100_spans/protobuf", decode.Protobuf, Traces, hundred},
		{"100_spans/json", decode.JSON, Traces, jsonOf(b, hundredSpans())},
	}
	dir := shared(b, "corpus", "own-python", "wrapped_a")
	for _, ext := range []string{"pb", "json"} {
		data, err := os.ReadFile(filepath.Join(dir, "otlp_traces."+ext))
		require.NoError(b, err)
		bodies = append(bodies, body{"exception_span/" + ext, map[string]string{"pb": decode.Protobuf, "json": decode.JSON}[ext], Traces, data})
	}
	for _, x := range bodies {
		b.Run(x.name, func(b *testing.B) {
			req := request(b)
			b.SetBytes(int64(len(x.data)))
			b.ReportAllocs()
			var batch *intake.Batch
			for b.Loop() {
				if batch, _, err = x.adapter(req, x.data, x.contentType); err != nil {
					b.Fatal(err)
				}
			}
			_ = fmt.Sprint(len(batch.Spans))
		})
		b.Run(x.name+"/decode_only", func(b *testing.B) {
			b.SetBytes(int64(len(x.data)))
			b.ReportAllocs()
			for b.Loop() {
				var m coltrace.ExportTraceServiceRequest
				if err := decode.Message(x.data, x.contentType, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
