package otlp

import (
	"testing"

	"github.com/stretchr/testify/require"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp/decode"
	"errata/schema"
)

// TestRequestsShareNothing: requests are read in memory that is used again. Rows
// of one do not change with the next, and nothing of one is in the next.
func TestRequestsShareNothing(t *testing.T) {
	req := request(t)
	read := func(kvs []*common.KeyValue) *schema.Span {
		s := span(1, 0, 0, 5)
		s.Attributes = kvs
		body, err := proto.Marshal(tracesOf(attrs("service.name", "shop"), s))
		require.NoError(t, err)
		batch, _, err := Traces(req, body, decode.Protobuf)
		require.NoError(t, err)
		require.Len(t, batch.Spans, 1)
		for i := range body {
			body[i] = 'x' // Nor does the body stay what it was.
		}
		return batch.Spans[0]
	}
	first := read(attrs("a", "1", "b", "2", "c", "3"))
	was := proto.CloneOf(first)
	second := read([]*common.KeyValue{{Key: "d"}, {Value: str("4")}, {Key: "e", Value: &common.AnyValue{}}})
	require.True(t, proto.Equal(was, first))
	for _, a := range second.Attributes {
		require.Contains(t, []string{"d", "e", "otel.dropped_attributes_count"}, a.Key)
		if a.Key != "otel.dropped_attributes_count" {
			require.Empty(t, a.Value, a.Key)
		}
	}
}

// TestPayloadsOfOneRequest: the first error's payload lies in lent memory, the
// others in their own.
func TestPayloadsOfOneRequest(t *testing.T) {
	failed := func(id byte, message string) *tracepb.Span {
		return span(id, 0, 0, 5, thrownAt(1, "E", message, ""))
	}
	batch, _ := run(t, Traces, tracesOf(attrs("service.name", "shop"), failed(1, "first"), failed(2, "second"), failed(3, "third")))
	require.Len(t, batch.Events, 3)
	for i, want := range []string{"first", "second", "third"} {
		require.Contains(t, string(batch.Events[i].Payload), `"value":"`+want+`"`)
	}
}
