package route

import (
	"testing"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp/decode"
)

func text(k, v string) *common.KeyValue {
	return &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func of(service string) *tracepb.ResourceSpans {
	r := &tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Name: service}}}}}
	if service != "" {
		r.Resource = &resource.Resource{DroppedAttributesCount: 1, Attributes: []*common.KeyValue{text("host.name", "a"), text("service.name", service), text("z", "z")}}
	}
	return r
}

func TestPart(t *testing.T) {
	rules := Rules{"shop": 2, "mail": 3}
	m := &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{of("shop"), of("other"), of("mail"), of(""), of("shop")}}
	want := map[uint32][]string{1: {"other", ""}, 2: {"shop", "shop"}, 3: {"mail"}}
	pb, err := proto.Marshal(m)
	require.NoError(t, err)
	js, err := protojson.Marshal(m)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		body []byte
		json bool
		read func([]byte, proto.Message) error
	}{"protobuf": {pb, false, proto.Unmarshal}, "json": {js, true, protojson.Unmarshal}} {
		t.Run(name, func(t *testing.T) {
			parts, err := rules.Part(tc.body, tc.json, 1)
			require.NoError(t, err)
			got := map[uint32][]string{}
			for p, body := range parts {
				var part coltrace.ExportTraceServiceRequest
				require.NoError(t, tc.read(body, &part))
				for _, r := range part.ResourceSpans {
					got[p] = append(got[p], r.ScopeSpans[0].Spans[0].Name)
				}
			}
			require.Equal(t, want, got)
		})
	}
}

func TestOneProjectKeepsTheBody(t *testing.T) {
	pb, err := proto.Marshal(&coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{of("shop"), of("shop")}})
	require.NoError(t, err)
	parts, err := Rules{"shop": 2}.Part(pb, false, 1)
	require.NoError(t, err)
	require.Equal(t, map[uint32][]byte{2: pb}, parts)
	parts, err = Rules{}.Part([]byte(`{}`), true, 1)
	require.NoError(t, err)
	require.Equal(t, map[uint32][]byte{1: []byte(`{}`)}, parts)
}

func TestSpellingsOfJSON(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want map[uint32]string
	}{
		"snake case": {`{"resource_logs":[{"resource":{"attributes":[{"key":"service.name","value":{"string_value":"shop"}}]}},{"a":1}]}`,
			map[uint32]string{1: `{"resource_logs":[{"a":1}]}`, 2: `{"resource_logs":[{"resource":{"attributes":[{"key":"service.name","value":{"string_value":"shop"}}]}}]}`}},
		"a list that comes twice": {`{"resourceSpans":[{"a":1}],"resource_spans":[{"a":2}],"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}}]}`,
			map[uint32]string{1: `{"resourceSpans":[{"a":1}],"resource_spans":[{"a":2}]}`, 2: `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}}]}`}},
		"the first name counts": {`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.name","value":{"stringValue":"mail"}}]}}]}`,
			map[uint32]string{2: `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.name","value":{"stringValue":"mail"}}]}}]}`}},
		"wrong types": {`{"resourceSpans":{"a":[]},"resourceLogs":null}`, map[uint32]string{1: `{"resourceSpans":{"a":[]},"resourceLogs":null}`}},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := Rules{"shop": 2, "mail": 3}.Part([]byte(tc.body), true, 1)
			require.NoError(t, err)
			got := map[uint32]string{}
			for p, b := range parts {
				got[p] = string(b)
			}
			require.Equal(t, tc.want, got)
		})
	}
	_, err := Rules{}.Part([]byte(`[]`), true, 1)
	require.ErrorIs(t, err, ErrBody)
}

func FuzzPart(f *testing.F) {
	pb, _ := proto.Marshal(&coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{of("shop"), of("x")}})
	f.Add(pb, false)
	f.Add([]byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}},{}]}`), true)
	f.Add([]byte(`{"resource_spans":[{}],"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"string_value":"shop"}}]}},3,null]}`), true)
	f.Fuzz(func(t *testing.T, body []byte, json bool) {
		parts, err := Rules{"shop": 2}.Part(body, json, 1)
		if err != nil {
			return
		}
		if json {
			var whole coltrace.ExportTraceServiceRequest
			if decode.Message(body, decode.JSON, &whole) != nil {
				return
			}
			n := 0
			for _, p := range parts {
				var part coltrace.ExportTraceServiceRequest
				if err := decode.Message(p, decode.JSON, &part); err != nil {
					t.Fatalf("%v: %s", err, p)
				}
				n += len(part.ResourceSpans)
			}
			if n != len(whole.ResourceSpans) {
				t.Fatalf("%d of %d resources", n, len(whole.ResourceSpans))
			}
			return
		}
		n := 0
		for _, p := range parts {
			n += len(p)
		}
		if n != len(body) {
			t.Fatal("bytes were lost")
		}
	})
}
