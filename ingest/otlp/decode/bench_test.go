package decode

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	trace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Benchmark compares the ways to read one batch of 100 spans with twelve
// attributes each, for the decision record.
func Benchmark(b *testing.B) {
	f, err := os.ReadFile(filepath.Join("..", "testdata", "otlp_traces.pb"))
	require.NoError(b, err)
	var m trace.ExportTraceServiceRequest
	require.NoError(b, fromProtobuf(f, &m, nil))
	s := m.ResourceSpans[0].ScopeSpans[0].Spans[0]
	s.Events = nil
	for _, k := range []string{"db.system.name", "db.namespace", "db.operation.name", "db.collection.name", "server.address", "thread.name", "code.function.name", "server.port", "thread.id", "rows", "retry", "peer"} {
		s.Attributes = append(s.Attributes, &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "value of " + k}}})
	}
	s.Attributes = s.Attributes[len(s.Attributes)-12:]
	spans := make([]*tracepb.Span, 100)
	for i := range spans {
		spans[i] = s
	}
	m.ResourceSpans[0].ScopeSpans[0].Spans = spans
	pb, err := proto.Marshal(&m)
	require.NoError(b, err)
	text, err := protojson.Marshal(&m)
	require.NoError(b, err)
	for _, x := range []struct {
		name string
		data []byte
		read func([]byte, proto.Message) error
	}{
		{"protobuf/by_hand", pb, func(b []byte, m proto.Message) error { return fromProtobuf(b, m, nil) }},
		{"protobuf/library_and_walk", pb, byLibrary},
		{"protobuf/library", pb, proto.Unmarshal},
		{"json/stream", text, func(b []byte, m proto.Message) error { _, err := fromJSON(b, m); return err }},
		{"json/protojson", text, protojson.Unmarshal},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.SetBytes(int64(len(x.data)))
			b.ReportAllocs()
			for b.Loop() {
				var into trace.ExportTraceServiceRequest
				if err := x.read(x.data, &into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
