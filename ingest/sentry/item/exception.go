package item

import (
	"strconv"

	"errata/ingest/node"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/tree"
	"errata/ingest/stack"
	"errata/schema"
)

// logEvent makes the event of a log record that tells of an exception at a
// severity which says that something is wrong. An INFO record never makes one.
func (b *Batch) logEvent(l *schema.Log, v *node.Value) {
	raw := func(key string) string {
		a := v.Get("attributes").Get(key)
		if tree.Is(a, node.TypeObject) {
			a = a.Get("value")
		}
		return tree.Text(a)
	}
	typ, message := raw("exception.type"), raw("exception.message")
	if l.Severity < 13 || typ == "" && message == "" {
		return
	}
	language := first(raw("telemetry.sdk.language"), platformOf(raw("sentry.sdk.name")))
	chain := stack.Parse(language, raw("exception.stacktrace"), typ, message)
	w := jsonWriter{}
	w.open('{')
	w.text("type", "error")
	w.text("platform", language)
	w.text("level", levelName(l.Severity))
	w.text("logger", raw("logger.name"))
	w.text("release", l.Release)
	w.text("environment", l.Environment)
	w.text("server_name", l.ServerName)
	w.text("transaction", raw("sentry.segment.name"))
	w.text("message", l.Body)
	w.key("timestamp")
	w.b = tree.Append(w.b, v.Get("timestamp"))
	w.key("sdk")
	w.open('{')
	w.text("name", raw("sentry.sdk.name"))
	w.text("version", raw("sentry.sdk.version"))
	w.shut('}')
	w.key("user")
	w.open('{')
	for _, k := range [][2]string{{"id", "user.id"}, {"username", "user.name"}, {"email", "user.email"}, {"ip_address", "user.ip_address"}} {
		w.text(k[0], raw(k[1]))
	}
	w.shut('}')
	w.key("contexts")
	w.open('{')
	w.key("trace")
	w.open('{')
	w.text("trace_id", l.TraceId)
	w.text("span_id", l.SpanId)
	w.shut('}')
	w.shut('}')
	w.key("tags")
	w.open('{')
	for _, t := range l.Attributes {
		switch t.Key {
		case "exception.type", "exception.message", "exception.stacktrace":
		default:
			w.text(t.Key, t.Value)
		}
	}
	w.shut('}')
	w.key("exception")
	w.chain(chain)
	w.shut('}')
	doc, err := tree.Parse(w.b)
	if err != nil {
		return // Written by us: it is JSON. The record itself is kept.
	}
	defer doc.Release()
	in := event.Input{Request: b.Request, Header: b.Header, Drift: b.Drift, Bytes: len(w.b)}
	copy(in.ID[:], l.LogId)
	ev, _ := event.Read(doc, &in)
	l.Fingerprint = ev.Fingerprint
	b.Accept(ev.Category(), 1, 0)
	b.Events = append(b.Events, ev)
}

// platformOf names the platform in an SDK's name, for example python in
// sentry.python.fastapi.
func platformOf(sdk string) string {
	for _, p := range []string{"python", "javascript", "java", "dotnet", "go", "ruby", "php", "rust", "elixir", "cocoa", "native", "dart"} {
		if len(sdk) > 7 && len(sdk)-7 >= len(p) && sdk[:7] == "sentry." && sdk[7:7+len(p)] == p && (len(sdk) == 7+len(p) || sdk[7+len(p)] == '.') {
			if p == "dotnet" {
				return "csharp"
			}
			return p
		}
	}
	return ""
}

func levelName(severity uint32) string {
	switch {
	case severity >= 21:
		return "fatal"
	case severity >= 17:
		return "error"
	}
	return "warning"
}

// jsonWriter writes the JSON of an event made here.
type jsonWriter struct {
	b    []byte
	more bool
}

func (w *jsonWriter) open(c byte) { w.b, w.more = append(w.b, c), false }

func (w *jsonWriter) shut(c byte) { w.b, w.more = append(w.b, c), true }

func (w *jsonWriter) comma() {
	if w.more {
		w.b = append(w.b, ',')
	}
	w.more = true
}

func (w *jsonWriter) key(k string) {
	w.comma()
	w.b = append(tree.AppendString(w.b, k), ':')
}

// text writes a member; empty ones are left out.
func (w *jsonWriter) text(k, v string) {
	if v != "" {
		w.key(k)
		w.b = tree.AppendString(w.b, v)
	}
}

func (w *jsonWriter) number(k string, n uint32) {
	if n > 0 {
		w.key(k)
		w.b = strconv.AppendUint(w.b, uint64(n), 10)
	}
}

func (w *jsonWriter) chain(chain []schema.Exception) {
	w.open('[')
	for i := range chain {
		e := &chain[i]
		w.comma()
		w.open('{')
		w.text("type", e.Type)
		w.text("value", e.Value)
		w.text("module", e.Module)
		w.key("mechanism")
		w.open('{')
		w.text("type", first(e.Mechanism.Type, "log"))
		w.shut('}')
		if len(e.Frames) > 0 {
			w.key("stacktrace")
			w.open('{')
			w.key("frames")
			w.open('[')
			for j := range e.Frames {
				w.comma()
				w.frame(&e.Frames[j])
			}
			w.shut(']')
			w.shut('}')
		}
		w.shut('}')
	}
	w.shut(']')
}

func (w *jsonWriter) frame(f *schema.Frame) {
	w.open('{')
	w.text("function", f.Function)
	w.text("raw_function", f.RawFunction)
	w.text("module", f.Module)
	w.text("filename", f.File)
	w.text("abs_path", f.AbsPath)
	w.text("package", f.Package)
	w.text("context_line", f.ContextLine)
	w.number("lineno", f.Line)
	w.number("colno", f.Column)
	switch f.InApp {
	case schema.InAppYes:
		w.key("in_app")
		w.b = append(w.b, "true"...)
	case schema.InAppNo:
		w.key("in_app")
		w.b = append(w.b, "false"...)
	}
	w.shut('}')
}
