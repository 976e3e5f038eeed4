package otlp

import (
	"path"
	"strconv"
	"strings"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"errata/ingest/otlp/attribute"
	"errata/ingest/scrub"
	"errata/ingest/stack"
	"errata/schema"
	"errata/schema/grouping"
)

// maxFrames bounds the frames of one request. A body of full size cannot name
// more; only "previous line repeated" can ask for more than it sends.
const maxFrames = 250_000

// maxContextLine bounds a source line; longer ones are minified code.
const maxContextLine = 256

// mechanism is what events of this protocol say of how they were caught.
const mechanism = "opentelemetry"

// isException reports whether a span event is an exception. Besides the old
// name "exception" the conventions develop "<operation>.exception".
func isException(e *tracepb.Span_Event) bool {
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

// thrown is an exception as its attributes tell it, with its stack read.
type thrown struct {
	typ, message, stack string // As received: what identifies it.
	escaped             bool
	chain               []schema.Exception // Scrubbed with the payload.
	redacted            scrub.Counts
}

func (a *adapter) thrown(kvs []*common.KeyValue, language string) thrown {
	t := thrown{
		typ:      attribute.Raw(kvs, "exception.type"),
		message:  attribute.Raw(kvs, "exception.message"),
		stack:    attribute.Raw(kvs, "exception.stacktrace"),
		escaped:  attribute.IsTrue(attribute.Raw(kvs, "exception.escaped")),
		redacted: scrub.Counts{},
	}
	whole := t.stack
	if a.frames >= maxFrames {
		whole = ""
	}
	// Read before it is scrubbed: the rules know an exception's value from a
	// file name only in the event.
	t.chain = stack.Parse(language, whole, t.typ, t.message)
	if len(t.chain) > schema.MaxExceptions {
		t.chain = t.chain[len(t.chain)-schema.MaxExceptions:]
	}
	for i := range t.chain {
		a.frames += len(t.chain[i].Frames)
	}
	for i := range t.chain {
		e := &t.chain[i]
		e.Type, e.Value = attribute.Clipped(e.Type, schema.MaxExceptionType), attribute.Clipped(e.Value, schema.MaxExceptionValue)
		e.Frames = withoutRecorder(e.Frames)
		for j := range e.Frames {
			f := &e.Frames[j]
			f.Function, f.RawFunction = attribute.Clipped(f.Function, schema.MaxFunction), attribute.Clipped(f.RawFunction, schema.MaxFunction)
			f.Module, f.File, f.AbsPath = attribute.Clipped(f.Module, schema.MaxPath), attribute.Clipped(f.File, schema.MaxPath), attribute.Clipped(f.AbsPath, schema.MaxPath)
			f.ContextLine = attribute.Clipped(f.ContextLine, maxContextLine)
		}
	}
	m := t.main()
	m.Mechanism.Type = mechanism
	if t.escaped {
		m.Mechanism.Handled = schema.Handled_HANDLED_NO
	}
	return t
}

func (t *thrown) main() *schema.Exception { return &t.chain[len(t.chain)-1] }

func (t *thrown) size() uint64 { return uint64(len(t.typ) + len(t.message) + len(t.stack)) }

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
		return strings.Contains(file(f), "/opentelemetry/")
	}
	return false
}

func file(f *schema.Frame) string {
	if f.AbsPath != "" {
		return f.AbsPath
	}
	return f.File
}

// origin is where an exception was recorded: what of span or log record and of
// their surroundings the event takes over.
type origin struct {
	protocol    schema.Protocol
	id          []byte
	ns          uint64
	eventName   string
	level       schema.Level
	res         *resource
	scope       *scope
	message     string // Log body.
	query       string // Of the URL that a server answered.
	logger      string
	traceID     string
	spanID      string
	parentID    string
	outerID     string // Parent of the outermost span that recorded it.
	op          string
	status      uint32
	transaction string
	sampled     bool
	own         []*schema.Tag   // Attributes of the span or record itself.
	server      []*schema.Tag   // Attributes of the span that answered the request, or nil.
	tags        [][]*schema.Tag // Searchable ones, the own first.
	folded      uint32
}

// event makes the row of one error.
func (a *adapter) event(o *origin, t *thrown) *schema.Event {
	us, original := a.when(o.ns, maxEventAhead)
	res := o.res
	platform := res.platform
	if platform == "" {
		platform = guessPlatform(t.main().Frames)
	}
	ev := &schema.Event{
		EventId: o.id, Timestamp: us / 1000, Protocol: o.protocol, Type: "error", Level: o.level, Weight: 1,
		Platform: platform, SdkName: res.sdkName, SdkVersion: res.sdkVersion,
		Service: res.service, Environment: res.environment, Release: res.release, ServerName: res.serverName,
		Transaction: o.transaction, Logger: o.logger, EventName: o.eventName,
		TraceId: o.traceID, SpanId: o.spanID, TraceSampled: o.sampled, OuterSpanId: o.outerID,
		Folded: o.folded, PayloadBytes: uint32(min(t.size(), 1<<31)),
	}
	a.task(ev, o)
	a.settle(ev, o)
	main := a.describe(ev, t)
	a.payload(ev, o, t, main, original)
	if a.scrub(ev, t) {
		a.describe(ev, t)
	}
	ev.UserHash = schema.UserHash(ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp)
	for _, n := range t.redacted {
		ev.Redactions += uint32(n)
	}
	return ev
}

// describe groups an event and returns the place of its main exception.
func (a *adapter) describe(ev *schema.Event, t *thrown) int {
	return a.req.Project.Describe(ev, &grouping.Input{
		Platform: ev.Platform, Exceptions: t.chain, Message: ev.Message,
		Transaction: ev.Transaction, Logger: ev.Logger, Level: levelName(ev.Level),
		Release: ev.Release, RequestURL: ev.Url, Tags: ev.Tags, Type: ev.Type, SDK: ev.SdkName,
	})
}

// task reads what Celery's instrumentation says of the task that ran.
func (a *adapter) task(ev *schema.Event, o *origin) {
	for _, ts := range [][]*schema.Tag{o.own, o.server} {
		if ev.TaskName = attribute.Clipped(attribute.Value(ts, "celery.task_name"), schema.MaxTransaction); ev.TaskName == "" {
			continue
		}
		ev.TaskId = attribute.Clipped(attribute.Value(ts, "messaging.message.id", "messaging.message_id"), schema.MaxTagValue)
		n, _ := strconv.ParseUint(attribute.Value(ts, "celery.retries"), 10, 32)
		ev.TaskRetries = uint32(n)
		return
	}
}

// levelOf maps a severity number.
func levelOf(number uint32) schema.Level {
	switch {
	case number >= 21:
		return schema.Level_LEVEL_FATAL
	case number >= 17:
		return schema.Level_LEVEL_ERROR
	case number >= 13:
		return schema.Level_LEVEL_WARNING
	case number >= 9:
		return schema.Level_LEVEL_INFO
	case number >= 1:
		return schema.Level_LEVEL_DEBUG
	}
	return schema.Level_LEVEL_UNSPECIFIED
}

func levelName(l schema.Level) string {
	switch l {
	case schema.Level_LEVEL_FATAL:
		return "fatal"
	case schema.Level_LEVEL_WARNING:
		return "warning"
	case schema.Level_LEVEL_INFO:
		return "info"
	case schema.Level_LEVEL_DEBUG:
		return "debug"
	}
	return "error"
}

// guessPlatform tells the language of a stack by its files, for senders that
// do not say telemetry.sdk.language.
func guessPlatform(frames []schema.Frame) string {
	for i := len(frames) - 1; i >= 0; i-- {
		name := file(&frames[i])
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
