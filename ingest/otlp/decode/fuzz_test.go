package decode

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	trace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	respb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// FuzzAttributes holds the reader of attributes, which is written by hand,
// against the general one: a log's body goes through the general one, and the
// same value as an attribute through the other.
func FuzzAttributes(f *testing.F) {
	for _, s := range []string{
		`{"stringValue":"a\u0000\n"}`, `{"intValue":"5"}`, `{"intValue":1e3}`, `{"doubleValue":"NaN"}`, `{"boolValue":"true"}`,
		`{"arrayValue":{"values":[{"stringValue":"a"},{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQI="}}]}},3,null]}}`,
		`{"string_value":null,"new":[{}]}`, `{"arrayValue":null}`, `{"kvlistValue":{}}`, `{"stringValue":"a","intValue":2}`,
		`"a\ud800"`, `5`, `-1.5e3`, `true`, `null`, `[1]`, `"a"},{"value":7`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var general, byHand logs.ExportLogsServiceRequest
		err1 := Message([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":`+value+`}]}]}]}`), JSON, &general)
		err2 := Message([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"value":`+value+`}]}]}]}]}`), JSON, &byHand)
		require.Equal(t, err1 == nil, err2 == nil, "%v, %v", err1, err2)
		if err1 != nil || len(general.ResourceLogs) == 0 || len(byHand.ResourceLogs) == 0 {
			return
		}
		x, y := record(&general), record(&byHand)
		if x == nil || y == nil || len(y.Attributes) != 1 {
			return
		}
		require.Empty(t, cmp.Diff(text(x.Body), text(y.Attributes[0].Value), protocmp.Transform(), nan))
	})
}

var nan = cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })

// text clears what only one of the two keeps: a value without a kind.
func text(v *common.AnyValue) *common.AnyValue {
	if v.GetValue() == nil {
		return nil
	}
	return v
}

func record(m *logs.ExportLogsServiceRequest) *logspb.LogRecord {
	for _, rl := range m.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, l := range sl.LogRecords {
				return l
			}
		}
	}
	return nil
}

// FuzzByHand holds the hand-written decoder against the library: what the
// library takes is taken, with the same result in all that is kept.
func FuzzByHand(f *testing.F) {
	for _, name := range []string{"otlp_traces.pb", "otlp_logs.pb"} {
		b, err := os.ReadFile(filepath.Join("..", "testdata", name))
		require.NoError(f, err)
		f.Add(b)
	}
	nested := &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{
		{Key: "k", Value: &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{
			{Value: &common.AnyValue_BytesValue{BytesValue: []byte{1}}}, {Value: &common.AnyValue_DoubleValue{DoubleValue: 1.5}}, {Value: &common.AnyValue_BoolValue{BoolValue: true}}, {},
		}}}}},
	}}}}
	kv := []*common.KeyValue{{Key: "a", Value: nested}, {Key: "b"}}
	for _, m := range []proto.Message{
		&trace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{Resource: &respb.Resource{Attributes: kv}, ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: make([]byte, 16), SpanId: make([]byte, 8), TraceState: "x=y", ParentSpanId: make([]byte, 8), Flags: 257, Name: "n", Kind: 5, StartTimeUnixNano: 1, EndTimeUnixNano: 2,
			Attributes: kv, DroppedAttributesCount: 1, DroppedEventsCount: 2, DroppedLinksCount: 3, Status: &tracepb.Status{Code: 2, Message: "m"},
			Events: []*tracepb.Span_Event{{TimeUnixNano: 1, Name: "e", Attributes: kv, DroppedAttributesCount: 1}},
			Links:  []*tracepb.Span_Link{{TraceId: make([]byte, 16), SpanId: make([]byte, 8), TraceState: "s", Attributes: kv, DroppedAttributesCount: 1, Flags: 1}},
		}}}}}}},
		&logs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{Scope: &common.InstrumentationScope{Name: "n", Version: "v", Attributes: kv, DroppedAttributesCount: 1}, LogRecords: []*logspb.LogRecord{{
			TimeUnixNano: 1, ObservedTimeUnixNano: 2, SeverityNumber: 3, SeverityText: "t", Body: nested, Attributes: kv, DroppedAttributesCount: 1, Flags: 1, TraceId: make([]byte, 16), SpanId: make([]byte, 8), EventName: "e",
		}}}}}}},
	} {
		b, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(b)
		f.Add(append(b, b...)) // Repeated singular fields are merged.
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		compare(t, body, &trace.ExportTraceServiceRequest{}, &trace.ExportTraceServiceRequest{})
		compare(t, body, &logs.ExportLogsServiceRequest{}, &logs.ExportLogsServiceRequest{})
	})
}

func compare(t *testing.T, body []byte, want, got proto.Message) {
	err := byLibrary(body, want)
	if err != nil {
		// The library also reads what is not kept, and may stumble there.
		_ = fromProtobuf(body, got, nil)
		return
	}
	require.NoError(t, fromProtobuf(body, got, nil))
	unkept(want.ProtoReflect())
	require.Empty(t, cmp.Diff(want, got, protocmp.Transform(), nan))
}

// unkept clears what the hand-written decoder passes over.
func unkept(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Name() == "schema_url" || fd.Name() == "entity_refs":
			m.Clear(fd)
		case fd.Kind() == protoreflect.MessageKind && fd.IsList():
			for i := range v.List().Len() {
				unkept(v.List().Get(i).Message())
			}
		case fd.Kind() == protoreflect.MessageKind:
			unkept(v.Message())
		}
		return true
	})
}
