package export

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	respb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

// span is one that can be kept.
func span() *tracepb.Span {
	return &tracepb.Span{TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Name: "work"}
}

// tracesOf is a request whose resource has an attribute of the value.
func tracesOf(value string, spans ...*tracepb.Span) *coltrace.ExportTraceServiceRequest {
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &respb.Resource{Attributes: []*common.KeyValue{{Key: "k", Value: text(value)}}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}},
	}}}
}

// captured reads a body of the shared captures.
func captured(t *testing.T, elem ...string) []byte {
	t.Helper()
	path := filepath.Join(append([]string{"../../../../shared/captures"}, elem...)...)
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) && os.Getenv("CI") != "true" {
		t.Skipf("shared test data is missing: %s", path)
	}
	require.NoError(t, err)
	return b
}
