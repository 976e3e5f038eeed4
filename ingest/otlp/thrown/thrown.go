// Package thrown reads exceptions as OpenTelemetry tells them: type, message and a
// stack as text. In: attributes of a span event or log record. Out: the list of
// exceptions that the stack holds. What becomes of them it does not know.
package thrown

import (
	"path"
	"strings"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"errata/ingest/otlp/attribute"
	"errata/ingest/scrub"
	"errata/ingest/stack"
	"errata/schema"
)

// maxContextLine bounds a source line; longer ones are minified code.
const maxContextLine = 256

// mechanism is what events of this protocol say of how they were caught.
const mechanism = "opentelemetry"

// Is reports whether a span event is an exception. Besides the old
// name "exception" the conventions develop "<operation>.exception".
func Is(e *tracepb.Span_Event) bool {
	n := e.GetName()
	if n != "exception" && !strings.HasSuffix(n, ".exception") {
		return false
	}
	for _, kv := range e.GetAttributes() {
		switch kv.GetKey() {
		case "exception.type", "exception.message", "exception.stacktrace":
			if attribute.Text(kv.GetValue()) != "" {
				return true
			}
		}
	}
	return false
}

// Exception is an exception as its attributes tell it, with its stack read.
type Exception struct {
	Type, Message, Stack string // As received: what identifies it.
	Escaped              bool
	Chain                []schema.Exception // Scrubbed with the payload.
	Redacted             scrub.Counts
}

// Read reads an exception; without stacks its frames are left out, which is for
// requests that have had too many.
func Read(kvs []*common.KeyValue, language string, stacks bool) Exception {
	t := Exception{
		Type:     attribute.Raw(kvs, "exception.type"),
		Message:  attribute.Raw(kvs, "exception.message"),
		Stack:    attribute.Raw(kvs, "exception.stacktrace"),
		Escaped:  attribute.IsTrue(attribute.Raw(kvs, "exception.escaped")),
		Redacted: scrub.Counts{},
	}
	whole := t.Stack
	if !stacks {
		whole = ""
	}
	// Read before it is scrubbed: the rules know an exception's value from a
	// file name only in the event.
	t.Chain = stack.Parse(language, whole, t.Type, t.Message)
	if len(t.Chain) > schema.MaxExceptions {
		t.Chain = t.Chain[len(t.Chain)-schema.MaxExceptions:]
	}
	for i := range t.Chain {
		e := &t.Chain[i]
		e.Type, e.Value = attribute.Clipped(e.Type, schema.MaxExceptionType), attribute.Clipped(e.Value, schema.MaxExceptionValue)
		e.Frames = withoutRecorder(e.Frames)
		for j := range e.Frames {
			f := &e.Frames[j]
			f.Function, f.RawFunction = attribute.Clipped(f.Function, schema.MaxFunction), attribute.Clipped(f.RawFunction, schema.MaxFunction)
			f.Module, f.File, f.AbsPath = attribute.Clipped(f.Module, schema.MaxPath), attribute.Clipped(f.File, schema.MaxPath), attribute.Clipped(f.AbsPath, schema.MaxPath)
			f.ContextLine = attribute.Clipped(f.ContextLine, maxContextLine)
		}
	}
	m := t.Main()
	m.Mechanism.Type = mechanism
	if t.Escaped {
		m.Mechanism.Handled = schema.Handled_HANDLED_NO
	}
	return t
}

// Main is the exception that was told last.
func (t *Exception) Main() *schema.Exception { return &t.Chain[len(t.Chain)-1] }

// Size is how much of it was received.
func (t *Exception) Size() uint64 { return uint64(len(t.Type) + len(t.Message) + len(t.Stack)) }

// withoutRecorder drops the outermost frames that belong to the SDK which wrote
// the stack down. Python's context managers put themselves around the code of
// a span, but only in the copy that the span sees: the same exception sent by
// another SDK, or recorded further out, has no such frames.
func withoutRecorder(frames []schema.Frame) []schema.Frame {
	i := 0
	for i < len(frames)-1 && isRecorder(&frames[i]) {
		i++
	}
	return frames[i:]
}

func isRecorder(f *schema.Frame) bool {
	switch f.Function {
	case "use_span", "start_as_current_span", "_agnosticcontextmanager":
		return strings.Contains(File(f), "/opentelemetry/")
	}
	return false
}

// File is where a frame is from.
func File(f *schema.Frame) string {
	if f.AbsPath != "" {
		return f.AbsPath
	}
	return f.File
}

// Platform tells the language of a stack by its files, for senders that
// do not say telemetry.sdk.language.
func Platform(frames []schema.Frame) string {
	for i := len(frames) - 1; i >= 0; i-- {
		name := File(&frames[i])
		web := strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
		name, _, _ = strings.Cut(name, "?")
		switch ext := path.Ext(name); {
		case strings.HasPrefix(name, "node:"):
			return "node"
		case ext == ".js" || ext == ".mjs" || ext == ".cjs" || ext == ".ts" || ext == ".jsx" || ext == ".tsx":
			if web {
				return "javascript"
			}
			return "node"
		default:
			if p := extensions[ext]; p != "" {
				return p
			}
		}
	}
	return "other"
}

var extensions = map[string]string{
	".py": "python", ".java": "java", ".kt": "java", ".scala": "java", ".go": "go", ".cs": "csharp",
	".rb": "ruby", ".php": "php", ".rs": "native", ".c": "native", ".cc": "native", ".cpp": "native",
	".swift": "cocoa", ".m": "cocoa", ".ex": "elixir", ".exs": "elixir",
}
