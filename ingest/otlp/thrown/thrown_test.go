package thrown_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"errata/ingest/otlp/thrown"
	"errata/schema"
)

func attributes(pairs ...string) (out []*common.KeyValue) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &common.KeyValue{Key: pairs[i], Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: pairs[i+1]}}})
	}
	return out
}

func TestIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		event *tracepb.Span_Event
		want  bool
	}{
		{"a type", &tracepb.Span_Event{Name: "exception", Attributes: attributes("exception.type", "KeyError")}, true},
		{"of an operation", &tracepb.Span_Event{Name: "db.client.exception", Attributes: attributes("exception.message", "gone")}, true},
		{"nothing of it", &tracepb.Span_Event{Name: "exception", Attributes: attributes("exception.type", "")}, false},
		{"another event", &tracepb.Span_Event{Name: "exceptional", Attributes: attributes("exception.type", "KeyError")}, false},
	} {
		require.Equal(t, c.want, thrown.Is(c.event), c.name)
	}
}

const python = `Traceback (most recent call last):
  File "/venv/opentelemetry/trace/__init__.py", line 10, in use_span
    yield span
  File "/srv/app/shop.py", line 3, in checkout
    raise KeyError("sku")
KeyError: 'sku'
`

func TestRead(t *testing.T) {
	t.Parallel()
	kvs := attributes("exception.type", "KeyError", "exception.message", "'sku'", "exception.stacktrace", python, "exception.escaped", "True")
	e := thrown.Read(kvs, "python", true)
	require.Len(t, e.Main().Frames, 1, "the frames of the SDK that wrote it down are left out")
	require.Equal(t, "checkout", e.Main().Frames[0].Function)
	require.Equal(t, schema.Handled_HANDLED_NO, e.Main().Mechanism.Handled)
	require.Equal(t, uint64(len("KeyError")+len("'sku'")+len(python)), e.Size())

	e = thrown.Read(kvs, "python", false)
	require.Empty(t, e.Main().Frames)
	require.Equal(t, "KeyError", e.Main().Type)
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"app.py": "python", "https://shop.example/app.js?v=1": "javascript", "/srv/app.ts": "node", "node:internal/process": "node", "Main.java": "java", "lib.so": "other", "": "other",
	} {
		require.Equal(t, want, thrown.Platform([]schema.Frame{{File: file}}), file)
	}
	require.Equal(t, "go", thrown.Platform([]schema.Frame{{File: "main.go"}, {File: "unknown"}}), "the innermost frame that tells")
}
