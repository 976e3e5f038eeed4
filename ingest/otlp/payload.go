package otlp

import (
	"cmp"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"errata/ingest/scrub"
	"errata/schema"
)

// maxPayloads bounds the payloads of one request together, because each of them
// repeats what resource and span say once.
const maxPayloads = 32 << 20

// parsers lends the trees that payloads are scrubbed in.
var parsers fastjson.ParserPool

// payload writes the event as Sentry-shaped JSON, scrubs it, and reads back
// what the columns take from it, so that a rule by path holds for both.
func (a *adapter) payload(ev *schema.Event, o *origin, t *thrown, original string) {
	p := user(o.own, o.server, o.res.tags)
	c := httpCall(o.server)
	// Sentry keeps the query beside the URL, and scrubs it there.
	address, query, _ := strings.Cut(c.url, "?")
	ts := merge(o.tags...)
	// Of very many errors in one request only the first say in their payload
	// what surrounds them; columns and tags are whole in all.
	whole := a.payloads < maxPayloads
	ev.Message = clipped(o.message, schema.MaxMessage)
	ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp = p.id, p.name, p.email, p.ip
	ev.HttpMethod, ev.Url, ev.HttpStatus = c.method, address, c.status
	ev.Tags = ts

	w := &writer{b: make([]byte, 0, 2048+int(min(t.size(), 64<<10)))}
	w.open('{')
	w.text("event_id", hex.EncodeToString(ev.EventId))
	w.text("timestamp", time.UnixMilli(ev.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z"))
	w.text("platform", ev.Platform)
	w.text("level", levelName(ev.Level))
	w.text("logger", ev.Logger)
	w.text("transaction", ev.Transaction)
	w.text("server_name", ev.ServerName)
	w.text("release", ev.Release)
	w.text("environment", ev.Environment)
	if ev.Message != "" {
		w.object("logentry", func() { w.text("formatted", ev.Message) })
	}
	w.object("exception", func() {
		w.key("values")
		w.open('[')
		for i := range t.chain {
			w.exception(&t.chain[i])
		}
		w.close(']')
	})
	if p != (person{}) {
		w.object("user", func() {
			w.text("id", p.id)
			w.text("username", p.name)
			w.text("email", p.email)
			w.text("ip_address", p.ip)
		})
	}
	if c.method != "" || c.url != "" {
		w.object("request", func() {
			w.text("method", c.method)
			w.text("url", address)
			w.text("query_string", query)
		})
	}
	if whole {
		w.pairs("tags", ts, "")
	}
	w.contexts(o, original, whole)
	if ev.SdkName != "" {
		w.object("sdk", func() {
			w.text("name", ev.SdkName)
			w.text("version", ev.SdkVersion)
		})
	}
	w.close('}')
	ev.Payload = w.b
	a.payloads += len(w.b)
	a.scrub(ev, t)
	ev.UserHash = schema.UserHash(ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp)
	for _, n := range t.redacted {
		ev.Redactions += uint32(n)
	}
}

// scrub applies the rules that know where a value stands. Where none of them
// speaks, which is usual, the text stays as it was written.
func (a *adapter) scrub(ev *schema.Event, t *thrown) {
	parser := parsers.Get()
	defer parsers.Put(parser)
	root, err := parser.ParseBytes(ev.Payload)
	if err != nil {
		// Our own writer made it; what cannot be scrubbed is not kept.
		ev.Payload = nil
		return
	}
	counts := scrub.Counts{}
	a.req.Project.Scrubber.JSON(root, &fastjson.Arena{}, counts)
	if len(counts) == 0 {
		return
	}
	for rule, n := range counts {
		t.redacted[rule] += n
	}
	get := func(path ...string) string { return string(root.GetStringBytes(path...)) }
	ev.Message = get("logentry", "formatted")
	for i, v := range root.GetArray("exception", "values") {
		if i == len(t.chain) {
			break
		}
		e := &t.chain[i]
		e.Type, e.Value = string(v.GetStringBytes("type")), string(v.GetStringBytes("value"))
		for j, f := range v.GetArray("stacktrace", "frames") {
			if j < len(e.Frames) {
				e.Frames[j].ContextLine = string(f.GetStringBytes("context_line"))
			}
		}
	}
	ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp = get("user", "id"), get("user", "username"), get("user", "email"), get("user", "ip_address")
	ev.HttpMethod, ev.Url = get("request", "method"), get("request", "url")
	ev.Transaction, ev.ServerName, ev.Logger = get("transaction"), get("server_name"), get("logger")
	if o := root.GetObject("tags"); o != nil {
		ev.Tags = nil
		o.Visit(func(k []byte, v *fastjson.Value) {
			if s, err := v.StringBytes(); err == nil && len(s) > 0 {
				ev.Tags = append(ev.Tags, &schema.Tag{Key: string(k), Value: string(s)})
			}
		})
	}
	ev.Payload = appendTree(nil, root)
}

// appendTree writes a tree as JSON. The library's own writer spells control
// characters as Go does, which is not JSON.
func appendTree(b []byte, v *fastjson.Value) []byte {
	switch v.Type() {
	case fastjson.TypeObject:
		b = append(b, '{')
		o, _ := v.Object()
		first := true
		o.Visit(func(k []byte, e *fastjson.Value) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendString(b, string(k)), ':')
			b = appendTree(b, e)
		})
		return append(b, '}')
	case fastjson.TypeArray:
		b = append(b, '[')
		for i, e := range v.GetArray() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTree(b, e)
		}
		return append(b, ']')
	case fastjson.TypeString:
		s, _ := v.StringBytes()
		return appendString(b, string(s))
	}
	return v.MarshalTo(b)
}

// writer appends JSON; empty texts are left out.
type writer struct {
	b     []byte
	inner bool // Something stands before in the object or array that is open.
}

func (w *writer) open(c byte) {
	if w.inner && w.b[len(w.b)-1] != ':' {
		w.b = append(w.b, ',')
	}
	w.b, w.inner = append(w.b, c), false
}

func (w *writer) close(c byte) { w.b, w.inner = append(w.b, c), true }

func (w *writer) key(k string) {
	if w.inner {
		w.b = append(w.b, ',')
	}
	w.b = append(appendString(w.b, k), ':')
	w.inner = true
}

func (w *writer) text(k, s string) {
	if s != "" {
		w.key(k)
		w.b = appendString(w.b, s)
	}
}

func (w *writer) number(k string, n int) {
	w.key(k)
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

func (w *writer) boolean(k string, v bool) {
	w.key(k)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) object(k string, fill func()) {
	w.key(k)
	w.open('{')
	fill()
	w.close('}')
}

// maxPairs bounds one set of attributes in a payload, in bytes.
const maxPairs = 64 << 10

// pairs writes attributes but those with a prefix.
func (w *writer) pairs(k string, ts []*schema.Tag, without string) {
	if len(ts) == 0 {
		return
	}
	w.object(k, func() {
		end := len(w.b) + maxPairs
		for _, t := range ts {
			if len(w.b) > end {
				break
			}
			if without == "" || !strings.HasPrefix(t.Key, without) {
				w.text(t.Key, t.Value)
			}
		}
	})
}

func (w *writer) exception(e *schema.Exception) {
	w.open('{')
	w.text("type", e.Type)
	w.text("value", e.Value)
	w.text("module", e.Module)
	if m := &e.Mechanism; m.Type != "" || m.ID >= 0 || m.IsGroup {
		w.object("mechanism", func() {
			w.text("type", cmp.Or(m.Type, "chained"))
			if m.Handled != schema.Handled_HANDLED_UNKNOWN {
				w.boolean("handled", m.Handled == schema.Handled_HANDLED_YES)
			}
			if m.ID >= 0 {
				w.number("exception_id", m.ID)
			}
			if m.ParentID >= 0 {
				w.number("parent_id", m.ParentID)
			}
			if m.IsGroup {
				w.boolean("is_exception_group", true)
			}
			w.text("source", m.Source)
		})
	}
	if len(e.Frames) > 0 {
		w.object("stacktrace", func() {
			w.key("frames")
			w.open('[')
			for i := range e.Frames {
				w.frame(&e.Frames[i])
			}
			w.close(']')
		})
	}
	w.close('}')
}

func (w *writer) frame(f *schema.Frame) {
	w.open('{')
	w.text("function", f.Function)
	w.text("raw_function", f.RawFunction)
	w.text("module", f.Module)
	w.text("filename", f.File)
	w.text("abs_path", f.AbsPath)
	w.text("package", f.Package)
	w.text("platform", f.Platform)
	w.text("context_line", f.ContextLine)
	if f.Line > 0 {
		w.number("lineno", int(f.Line))
	}
	if f.Column > 0 {
		w.number("colno", int(f.Column))
	}
	if f.InApp != schema.InAppUnknown {
		w.boolean("in_app", f.InApp == schema.InAppYes)
	}
	w.close('}')
}

func (w *writer) contexts(o *origin, original string, whole bool) {
	w.object("contexts", func() {
		if o.traceID != "" {
			w.object("trace", func() {
				w.text("trace_id", o.traceID)
				w.text("span_id", o.spanID)
				w.text("parent_span_id", o.parentID)
				w.text("op", o.op)
				switch o.status {
				case 1:
					w.text("status", "ok")
				case 2:
					w.text("status", "internal_error")
				}
			})
		}
		w.object("otel", func() {
			if whole {
				w.pairs("resource", o.res.tags, "")
				// The exception itself is told above.
				w.pairs("attributes", o.own, "exception.")
			}
			if o.scope.name != "" {
				w.object("scope", func() {
					w.text("name", o.scope.name)
					w.text("version", o.scope.version)
				})
			}
			w.text("event_name", o.eventName)
			w.text("original_time", original)
			if o.folded > 0 {
				w.number("folded", int(o.folded))
			}
		})
	})
}

// searchable makes tags of one set of attributes.
func searchable(set []*schema.Tag) []*schema.Tag {
	slab := make([]schema.Tag, 0, len(set))
	out := make([]*schema.Tag, 0, len(set))
	for _, t := range set {
		if untagged(t.Key) {
			continue
		}
		v := clipped(strings.TrimSpace(strings.Map(inLine, t.Value)), schema.MaxTagValue)
		if v == "" {
			continue
		}
		slab = append(slab, schema.Tag{})
		n := &slab[len(slab)-1]
		n.Key, n.Value = strings.Map(keyRune, t.Key), v
		out = append(out, n)
	}
	return out
}

// merge joins sets of tags; the first of equal keys wins.
func merge(sets ...[]*schema.Tag) []*schema.Tag {
	n := 0
	for _, set := range sets {
		n += len(set)
	}
	out := make([]*schema.Tag, 0, min(n, schema.MaxTags))
	for _, set := range sets {
	next:
		for _, t := range set {
			if len(out) == schema.MaxTags {
				return out
			}
			for _, have := range out {
				if have.Key == t.Key {
					continue next
				}
			}
			out = append(out, t)
		}
	}
	return out
}

// inLine makes a tag's value one line.
func inLine(r rune) rune {
	if r == '\n' || r == '\r' {
		return ' '
	}
	return r
}

// keyRune writes what Sentry's tag keys cannot hold as they can.
func keyRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == ':', r == '-':
		return r
	case r == ' ':
		return '-'
	}
	return '_'
}

// untagged names attributes that are columns of their own, or that differ for
// almost every event: counting events by them tells nothing. They stay in the
// payload's context.
func untagged(key string) bool {
	switch key {
	case "release", "dist", "user", "filename", "function", "environment",
		"service.name", "service.version", "deployment.environment", "deployment.environment.name", "host.name",
		"user.id", "user.name", "user.full_name", "user.email", "enduser.id", "client.address", "http.client_ip",
		"http.url", "http.target", "url.full", "url.path", "url.query", "http.user_agent", "user_agent.original",
		"net.peer.port", "network.peer.port", "net.sock.peer.port", "client.port", "thread.id", "process.pid",
		"process.parent_pid", "process.command_args", "process.command_line", "code.lineno", "code.line.number",
		"code.stacktrace", "db.statement", "db.query.text", "sentry.op", originalTime:
		return true
	}
	return strings.HasPrefix(key, "exception.") || strings.HasPrefix(key, "telemetry.")
}
