package decode

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	trace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

// shared finds the shared test data beside the repository; it skips where that
// is absent, but not in CI.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("shared test data is missing: %s", path)
		}
		t.Skipf("shared test data is missing: %s", path)
	}
	return path
}

func TestCorpusReadsTheSameInBothEncodings(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(shared(t, "corpus", "own-python"), "*", "otlp_traces.pb"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, pb := range dirs {
		dir := filepath.Dir(pb)
		for name, fresh := range map[string]func() proto.Message{
			"otlp_traces": func() proto.Message { return &trace.ExportTraceServiceRequest{} },
			"otlp_logs":   func() proto.Message { return &logs.ExportLogsServiceRequest{} },
		} {
			fromPB, fromText := fresh(), fresh()
			body, err := os.ReadFile(filepath.Join(dir, name+".pb"))
			require.NoError(t, err)
			require.NoError(t, Message(body, Protobuf, fromPB))
			body, err = os.ReadFile(filepath.Join(dir, name+".json"))
			require.NoError(t, err)
			require.NoError(t, Message(body, JSON, fromText))
			require.Empty(t, cmp.Diff(fromPB, fromText, protocmp.Transform()), "%s %s", dir, name)
			require.NotZero(t, proto.Size(fromPB))
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	span := func(fields string) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{` + fields + `}]}]}]}`
	}
	tests := map[string]struct {
		body string
		want string // Text form of the first span; ids as Go strings.
		err  error
	}{
		"hex ids":                 {body: span(`"traceId":"0102030405060708090A0b0c0d0e0f10","spanId":"0102030405060708"`), want: `trace_id:"\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10" span_id:"\x01\x02\x03\x04\x05\x06\x07\x08"`},
		"base64 ids":              {body: span(`"spanId":"AQIDBAUGBwg="`), want: `span_id:"\x01\x02\x03\x04\x05\x06\x07\x08"`},
		"bad id stays visible":    {body: span(`"spanId":"xyz"`), want: `span_id:"\x00"`},
		"snake case":              {body: span(`"start_time_unix_nano":"5"`), want: `start_time_unix_nano:5`},
		"int64 as number":         {body: span(`"startTimeUnixNano":1795432512200000000`), want: `start_time_unix_nano:1795432512200000000`},
		"int64 as float":          {body: span(`"startTimeUnixNano":1e3`), want: `start_time_unix_nano:1000`},
		"largest uint64":          {body: span(`"startTimeUnixNano":"18446744073709551615"`), want: `start_time_unix_nano:18446744073709551615`},
		"negative uint is absent": {body: span(`"startTimeUnixNano":-1`), want: ``},
		"enum name":               {body: span(`"kind":"SPAN_KIND_SERVER"`), want: `kind:SPAN_KIND_SERVER`},
		"enum number":             {body: span(`"kind":2`), want: `kind:SPAN_KIND_SERVER`},
		"enum number as text":     {body: span(`"kind":"2"`), want: `kind:SPAN_KIND_SERVER`},
		"unknown enum name":       {body: span(`"kind":"SPAN_KIND_NEW"`), want: ``},
		"unknown fields":          {body: span(`"new":{"deep":[1,{"a":null}]},"name":"n","other":"x"`), want: `name:"n"`},
		"null":                    {body: span(`"name":null,"attributes":null,"status":null`), want: ``},
		"wrong types left out":    {body: span(`"name":5,"attributes":{"a":1},"status":"bad","events":["x",{"name":"e"}]`), want: `events:{name:"e"}`},
		"values": {
			body: span(`"attributes":[{"key":"s","value":{"stringValue":"v"}},{"key":"b","value":{"boolValue":true}},{"key":"i","value":{"intValue":"-7"}},{"key":"d","value":{"doubleValue":"NaN"}},{"key":"y","value":{"bytesValue":"AQI="}},{"key":"a","value":{"arrayValue":{"values":[{"intValue":1}]}}},{"key":"n","value":{}}]`),
			want: `attributes:{key:"s" value:{string_value:"v"}} attributes:{key:"b" value:{bool_value:true}} attributes:{key:"i" value:{int_value:-7}} attributes:{key:"d" value:{double_value:nan}} attributes:{key:"y" value:{bytes_value:"\x01\x02"}} attributes:{key:"a" value:{array_value:{values:{int_value:1}}}} attributes:{key:"n" value:{}}`,
		},
		"values without a kind": {
			body: span(`"attributes":[{"key":"s","value":"v"},{"key":"i","value":-7},{"key":"d","value":1.5},{"key":"b","value":true},{"key":"n","value":null},{"key":"l","value":["x"]}]`),
			want: `attributes:{key:"s" value:{string_value:"v"}} attributes:{key:"i" value:{int_value:-7}} attributes:{key:"d" value:{double_value:1.5}} attributes:{key:"b" value:{bool_value:true}} attributes:{key:"n"} attributes:{key:"l"}`,
		},
		"keys that come twice":     {body: span(`"name":"a","name":"b","attributes":[{"key":"x","key":"y"}],"attributes":[{"key":"z"}]`), want: `name:"b" attributes:{key:"y"} attributes:{key:"z"}`},
		"bytes that are not UTF-8": {body: span("\"name\":\"a\xffb\""), want: "name:\"a\uFFFDb\""},
		"lone surrogate":           {body: span(`"name":"a\ud800b"`), want: "name:\"a\uFFFDb\""},
		"space around":             {body: " \n" + span(`"name":"n"`) + "\n ", want: `name:"n"`},
		"empty":                    {body: "", err: ErrMalformed},
		"not an object":            {body: "[]", err: ErrMalformed},
		"cut":                      {body: `{"resourceSpans":[{"scope`, err: ErrMalformed},
		"two objects":              {body: span(``) + span(``), err: ErrMalformed},
		"text after":               {body: span(``) + "x", err: ErrMalformed},
		"deep known":               {body: span(`"attributes":[{"key":"k","value":` + strings.Repeat(`{"arrayValue":{"values":[`, 60) + `{"intValue":1}` + strings.Repeat(`]}}`, 60) + `}]`), err: ErrMalformed},
		"deep unknown":             {body: span(`"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), err: ErrMalformed},
		"too many":                 {body: `{"resourceSpans":[` + strings.Repeat("{},", 1<<20) + `{}]}`, err: ErrTooLarge},
		"too many items":           {body: `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Repeat("{},", MaxItems) + `{}]}]}]}`, err: ErrTooLarge},
		"too many texts":           {body: `{"resourceSpans":[{"resource":{"entityRefs":[{"idKeys":[` + strings.Repeat(`"",`, 4<<20-100) + `""]}]}}]}`, err: ErrTooLarge},
		"too big":                  {body: strings.Repeat(" ", MaxBytes+1), err: ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := &trace.ExportTraceServiceRequest{}
			err := Message([]byte(tt.body), "application/json; charset=utf-8", got)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			want := &trace.ExportTraceServiceRequest{}
			require.NoError(t, unmarshalText(`resource_spans:{scope_spans:{spans:{`+tt.want+`}}}`, want))
			require.Empty(t, cmp.Diff(want, got, protocmp.Transform(), cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })))
		})
	}
}

func unmarshalText(s string, m proto.Message) error { return prototext.Unmarshal([]byte(s), m) }

func TestProtobuf(t *testing.T) {
	t.Parallel()
	nested := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "x"}}
	for range 60 {
		nested = &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{nested}}}}
	}
	body := func(m proto.Message) []byte {
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		return b
	}
	one := func(s *tracepb.Span) *trace.ExportTraceServiceRequest {
		return &trace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{s}}}}}}
	}
	good := body(one(&tracepb.Span{Name: "ab"}))
	notUTF8 := bytes.Replace(good, []byte("ab"), []byte("a\xff"), 1)
	many := bytes.Repeat([]byte{0x0a, 0x00}, 1<<20)
	items := body(&trace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: make([]*tracepb.Span, MaxItems+1)}}}}})
	unknown := append(append([]byte(nil), good...), 0xf8, 0x3f, 0x01) // Field 1023, varint.
	tests := map[string]struct {
		body []byte
		name string
		err  error
	}{
		"good":           {body: good, name: "ab"},
		"not UTF-8":      {body: notUTF8, name: "a?"},
		"unknown field":  {body: unknown, name: "ab"},
		"cut":            {body: good[:len(good)-1], err: ErrMalformed},
		"text":           {body: []byte("hello there"), err: ErrMalformed},
		"too many":       {body: many, err: ErrTooLarge},
		"too many items": {body: items, err: ErrTooLarge},
		"too deep":       {body: body(one(&tracepb.Span{Attributes: []*common.KeyValue{{Key: "k", Value: nested}}})), err: ErrMalformed},
		"too big":        {body: make([]byte, MaxBytes+1), err: ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := bytes.Clone(tt.body)
			got := &trace.ExportTraceServiceRequest{}
			err := Message(tt.body, Protobuf, got)
			require.True(t, bytes.Equal(before, tt.body), "the body was changed")
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.name, got.ResourceSpans[0].ScopeSpans[0].Spans[0].Name)
		})
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"application/json":                      JSON,
		"Application/JSON; charset=utf-8":       JSON,
		"application/json; charset":             JSON,
		"application/x-protobuf":                Protobuf,
		"application/x-protobuf; proto=x.y":     Protobuf,
		"application/protobuf":                  Protobuf,
		"text/plain":                            "",
		"":                                      "",
		"application/x-www-form-urlencoded":     "",
		"application/json-seq":                  "",
		"application/vnd.google.protobuf; v=1 ": Protobuf,
	} {
		got, err := ContentType(header)
		require.Equal(t, want, got, header)
		require.Equal(t, want == "", err != nil, header)
	}
}
