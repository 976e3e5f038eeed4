package otlp

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"errata/ingest/otlp/attribute"
)

func TestFold(t *testing.T) {
	t.Parallel()
	const typ, msg = "ValueError", "bad"
	var (
		deep    = traceback(typ, msg, "/app/c.py:3:c")
		middle  = traceback(typ, msg, "/app/b.py:2:b", "/app/c.py:3:c")
		whole   = traceback(typ, msg, "/app/a.py:1:a", "/app/b.py:2:b", "/app/c.py:3:c")
		other   = traceback(typ, msg, "/app/x.py:9:x")
		wrapped = traceback(typ, msg, "/v/opentelemetry/trace/__init__.py:600:use_span", "/v/opentelemetry/sdk/trace/__init__.py:1100:start_as_current_span", "/app/c.py:3:c")
		java    = "shop.Bad: bad\n\tat shop.C.c(C.java:3)\n\tat shop.A.a(A.java:1)\n"
	)
	ex := func(ms int, stack string) *tracepb.Span_Event { return thrownAt(ms, typ, msg, stack) }
	tests := map[string]struct {
		spans []*tracepb.Span
		want  []string // "span id, folded, frames" of each event.
	}{
		"three nested spans are one": {
			spans: []*tracepb.Span{span(3, 2, 2, 10, ex(9, deep)), span(2, 1, 1, 11, ex(10, middle)), span(1, 0, 0, 12, ex(11, whole))},
			want:  []string{"3 folded 2 frames 3"},
		},
		"whatever their order": {
			spans: []*tracepb.Span{span(1, 0, 0, 12, ex(11, whole)), span(3, 2, 2, 10, ex(9, deep)), span(2, 1, 1, 11, ex(10, middle))},
			want:  []string{"3 folded 2 frames 3"},
		},
		"one clock tick": {
			spans: []*tracepb.Span{span(1, 0, 0, 12, ex(9, whole)), span(2, 1, 1, 11, ex(9, middle)), span(3, 2, 2, 10, ex(9, deep))},
			want:  []string{"3 folded 2 frames 3"},
		},
		"a span between that records nothing": {
			spans: []*tracepb.Span{span(3, 2, 2, 10, ex(9, deep)), span(2, 1, 1, 11), span(1, 0, 0, 12, ex(11, whole))},
			want:  []string{"3 folded 1 frames 3"},
		},
		"a span between that is in another request": {
			spans: []*tracepb.Span{span(3, 2, 2, 10, ex(9, deep)), span(1, 0, 0, 12, ex(11, whole))},
			want:  []string{"3 folded 1 frames 3"},
		},
		"unknown line and equal stacks stay": {
			spans: []*tracepb.Span{span(3, 2, 2, 10, ex(9, deep)), span(1, 0, 0, 12, ex(11, deep))},
			want:  []string{"1 folded 0 frames 1", "3 folded 0 frames 1"},
		},
		"unknown line and a span that ended before": {
			spans: []*tracepb.Span{span(3, 2, 2, 10, ex(9, deep)), span(1, 0, 0, 8, ex(11, whole))},
			want:  []string{"1 folded 0 frames 3", "3 folded 0 frames 1"},
		},
		"the SDK's own frames do not count": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, wrapped)), span(1, 0, 0, 12, ex(11, middle))},
			want:  []string{"2 folded 1 frames 2"},
		},
		"recorded by hand and again by the context manager": {
			spans: []*tracepb.Span{span(1, 0, 0, 12, ex(9, deep), ex(11, wrapped))},
			want:  []string{"1 folded 1 frames 1"},
		},
		"Java fills the stack once": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, java)), span(1, 0, 0, 12, ex(11, java))},
			want:  []string{"2 folded 1 frames 2"},
		},
		"no stacks, nested": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, "")), span(1, 0, 0, 12, ex(11, ""))},
			want:  []string{"2 folded 1 frames 0"},
		},
		"five siblings stay five": {
			spans: []*tracepb.Span{span(1, 0, 0, 50), span(2, 1, 1, 5, ex(4, deep)), span(3, 1, 6, 10, ex(9, deep)), span(4, 1, 11, 15, ex(14, deep)), span(5, 1, 16, 20, ex(19, deep)), span(6, 1, 21, 25, ex(24, deep))},
			want:  []string{"2 folded 0 frames 1", "3 folded 0 frames 1", "4 folded 0 frames 1", "5 folded 0 frames 1", "6 folded 0 frames 1"},
		},
		"three attempts and the span around repeats the last": {
			spans: []*tracepb.Span{span(1, 0, 0, 50, ex(30, whole)), span(2, 1, 1, 5, ex(4, deep)), span(3, 1, 6, 10, ex(9, deep)), span(4, 1, 11, 15, ex(14, deep))},
			want:  []string{"2 folded 0 frames 1", "3 folded 0 frames 1", "4 folded 1 frames 3"},
		},
		"a loop on one span stays": {
			spans: []*tracepb.Span{span(1, 0, 0, 50, ex(1, deep), ex(2, deep), ex(3, deep), ex(4, deep), ex(5, deep))},
			want:  []string{"1 folded 0 frames 1", "1 folded 0 frames 1", "1 folded 0 frames 1", "1 folded 0 frames 1", "1 folded 0 frames 1"},
		},
		"a loop in one instant stays": {
			spans: []*tracepb.Span{span(1, 0, 0, 50, ex(1, deep), ex(1, deep))},
			want:  []string{"1 folded 0 frames 1", "1 folded 0 frames 1"},
		},
		"another place stays": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, deep)), span(1, 0, 0, 12, ex(11, other))},
			want:  []string{"1 folded 0 frames 1", "2 folded 0 frames 1"},
		},
		"another message stays": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, deep)), span(1, 0, 0, 12, thrownAt(11, typ, "worse", deep))},
			want:  []string{"1 folded 0 frames 1", "2 folded 0 frames 1"},
		},
		"the outer one first is another failure": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, deep)), span(1, 0, 0, 12, ex(5, whole))},
			want:  []string{"1 folded 0 frames 3", "2 folded 0 frames 1"},
		},
		"parents in a circle": {
			spans: []*tracepb.Span{span(2, 1, 1, 11, ex(9, deep)), span(1, 2, 0, 12, ex(11, whole))},
			want:  []string{"2 folded 1 frames 3"},
		},
		"own parent": {
			spans: []*tracepb.Span{span(1, 1, 0, 12, ex(11, whole))},
			want:  []string{"1 folded 0 frames 3"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := run(t, Traces, tracesOf(attrs("telemetry.sdk.language", language(tt.spans)), tt.spans...))
			require.Nil(t, p)
			var got []string
			ids := map[string]bool{}
			for _, e := range b.Events {
				ids[string(e.EventId)] = true
				got = append(got, fmt.Sprintf("%c folded %d frames %d", e.SpanId[15], e.Folded, len(e.FramesFunction)))
			}
			slices.Sort(got)
			require.Equal(t, tt.want, got)
			require.Len(t, ids, len(b.Events), "ids differ")
		})
	}
}

func language(spans []*tracepb.Span) string {
	for _, s := range spans {
		for _, e := range s.Events {
			if st := attribute.Raw(e.Attributes, "exception.stacktrace"); st != "" && st[0] == 's' {
				return "java"
			}
		}
	}
	return "python"
}

// TestFoldIsBounded guards against work that grows with the square of a request.
func TestFoldIsBounded(t *testing.T) {
	t.Parallel()
	var spans []*tracepb.Span
	for i := range 20_000 {
		s := span(0, 0, i, i+1, thrownAt(i, "E", "m", ""))
		s.SpanId = []byte{1, 0, 0, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
		if i > 0 {
			s.ParentSpanId = spans[i-1].SpanId
		}
		spans = append(spans, s)
	}
	b, p := run(t, Traces, tracesOf(nil, spans...))
	require.Len(t, b.Events, maxErrors)
	require.Zero(t, p.Rejected)
	require.Contains(t, p.Message, "10000 exceptions over the limit")
	require.Equal(t, []string{"error too_large too_many_errors 10000"}, fates(b))
}
