package otlp

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"errata/schema"
)

// payload writes the event as Sentry-shaped JSON, scrubs it, and reads back
// what the columns take from it, so that a rule by path holds for both.
func (a *adapter) payload(ev *schema.Event, o *origin, t *thrown, original string) {
	b := &builder{}
	root := b.object()
	b.text(root, "event_id", hex.EncodeToString(ev.EventId))
	b.text(root, "timestamp", time.UnixMilli(ev.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z"))
	b.text(root, "platform", ev.Platform)
	b.text(root, "level", levelName(ev.Level))
	b.text(root, "logger", ev.Logger)
	b.text(root, "transaction", ev.Transaction)
	b.text(root, "server_name", ev.ServerName)
	b.text(root, "release", ev.Release)
	b.text(root, "environment", ev.Environment)
	if o.message != "" {
		m := b.object()
		b.text(m, "formatted", clipped(o.message, schema.MaxMessage))
		root.Set("logentry", m)
	}
	values := b.a.NewArray()
	for i := range t.chain {
		values.SetArrayItem(i, b.exception(&t.chain[i]))
	}
	exception := b.object()
	exception.Set("values", values)
	root.Set("exception", exception)
	b.people(root, o)
	b.tags(root, o)
	b.contexts(root, o, original)
	if ev.SdkName != "" {
		sdk := b.object()
		b.text(sdk, "name", ev.SdkName)
		b.text(sdk, "version", ev.SdkVersion)
		root.Set("sdk", sdk)
	}

	a.req.Project.Scrubber.JSON(root, &b.a, t.redacted)
	for _, n := range t.redacted {
		ev.Redactions += uint32(n)
	}
	get := func(path ...string) string { return string(root.GetStringBytes(path...)) }
	ev.Message = get("logentry", "formatted")
	for i, v := range root.GetArray("exception", "values") {
		if i < len(t.chain) {
			t.chain[i].Value = string(v.GetStringBytes("value"))
		}
	}
	ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp = get("user", "id"), get("user", "username"), get("user", "email"), get("user", "ip_address")
	ev.UserHash = schema.UserHash(ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp)
	ev.HttpMethod, ev.Url = get("request", "method"), get("request", "url")
	ev.HttpStatus = httpCall(o.server).status
	if tags := root.GetObject("tags"); tags != nil {
		tags.Visit(func(k []byte, v *fastjson.Value) {
			if s, err := v.StringBytes(); err == nil && len(s) > 0 {
				ev.Tags = append(ev.Tags, &schema.Tag{Key: string(k), Value: string(s)})
			}
		})
	}
	ev.Payload = root.MarshalTo(nil)
}

// builder makes JSON values of one event.
type builder struct{ a fastjson.Arena }

func (b *builder) object() *fastjson.Value { return b.a.NewObject() }

func (b *builder) text(v *fastjson.Value, key, s string) {
	if s != "" {
		v.Set(key, b.a.NewString(s))
	}
}

func (b *builder) exception(e *schema.Exception) *fastjson.Value {
	v := b.object()
	b.text(v, "type", e.Type)
	b.text(v, "value", e.Value)
	b.text(v, "module", e.Module)
	if e.Mechanism.Type != "" {
		m := b.object()
		b.text(m, "type", e.Mechanism.Type)
		switch e.Mechanism.Handled {
		case schema.Handled_HANDLED_YES:
			m.Set("handled", b.a.NewTrue())
		case schema.Handled_HANDLED_NO:
			m.Set("handled", b.a.NewFalse())
		}
		if e.Mechanism.ID >= 0 {
			m.Set("exception_id", b.a.NewNumberInt(e.Mechanism.ID))
		}
		if e.Mechanism.ParentID >= 0 {
			m.Set("parent_id", b.a.NewNumberInt(e.Mechanism.ParentID))
		}
		if e.Mechanism.IsGroup {
			m.Set("is_exception_group", b.a.NewTrue())
		}
		b.text(m, "source", e.Mechanism.Source)
		v.Set("mechanism", m)
	}
	if len(e.Frames) == 0 {
		return v
	}
	frames := b.a.NewArray()
	for i := range e.Frames {
		frames.SetArrayItem(i, b.frame(&e.Frames[i]))
	}
	st := b.object()
	st.Set("frames", frames)
	v.Set("stacktrace", st)
	return v
}

func (b *builder) frame(f *schema.Frame) *fastjson.Value {
	v := b.object()
	b.text(v, "function", f.Function)
	b.text(v, "raw_function", f.RawFunction)
	b.text(v, "module", f.Module)
	b.text(v, "filename", f.File)
	b.text(v, "abs_path", f.AbsPath)
	b.text(v, "package", f.Package)
	b.text(v, "platform", f.Platform)
	b.text(v, "context_line", f.ContextLine)
	if f.Line > 0 {
		v.Set("lineno", b.a.NewNumberInt(int(f.Line)))
	}
	if f.Column > 0 {
		v.Set("colno", b.a.NewNumberInt(int(f.Column)))
	}
	switch f.InApp {
	case schema.InAppYes:
		v.Set("in_app", b.a.NewTrue())
	case schema.InAppNo:
		v.Set("in_app", b.a.NewFalse())
	}
	return v
}

func (b *builder) people(root *fastjson.Value, o *origin) {
	p := user(o.own, o.server, o.res.tags)
	if p != (person{}) {
		u := b.object()
		b.text(u, "id", p.id)
		b.text(u, "username", p.name)
		b.text(u, "email", p.email)
		b.text(u, "ip_address", p.ip)
		root.Set("user", u)
	}
	if c := httpCall(o.server); c.method != "" || c.url != "" {
		r := b.object()
		b.text(r, "method", c.method)
		// Sentry keeps the query beside the URL, and scrubs it there.
		address, query, _ := strings.Cut(c.url, "?")
		b.text(r, "url", address)
		b.text(r, "query_string", query)
		root.Set("request", r)
	}
}

// tags makes attributes searchable: those of the span or record first, then of
// the server span, then of the resource.
func (b *builder) tags(root *fastjson.Value, o *origin) {
	ts := b.object()
	n := 0
	add := func(key, v string) {
		if v == "" || n == schema.MaxTags || ts.Exists(key) {
			return
		}
		ts.Set(key, b.a.NewString(clipped(strings.Map(inLine, strings.TrimSpace(v)), schema.MaxTagValue)))
		n++
	}
	for _, set := range [][]*schema.Tag{o.own, o.server, o.res.tags} {
		for _, t := range set {
			if !untagged(t.Key) {
				add(strings.Map(keyRune, t.Key), t.Value)
			}
		}
	}
	// Sentry has it as a tag too.
	add("server_name", o.res.serverName)
	if n > 0 {
		root.Set("tags", ts)
	}
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

func (b *builder) contexts(root *fastjson.Value, o *origin, original string) {
	cs := b.object()
	if o.traceID != "" {
		t := b.object()
		b.text(t, "trace_id", o.traceID)
		b.text(t, "span_id", o.spanID)
		b.text(t, "parent_span_id", o.parentID)
		b.text(t, "op", o.op)
		switch o.status {
		case 1:
			b.text(t, "status", "ok")
		case 2:
			b.text(t, "status", "internal_error")
		}
		cs.Set("trace", t)
	}
	otel := b.object()
	otel.Set("resource", b.attributes(o.res.tags))
	otel.Set("attributes", b.attributes(o.own))
	if o.scope.name != "" {
		sc := b.object()
		b.text(sc, "name", o.scope.name)
		b.text(sc, "version", o.scope.version)
		otel.Set("scope", sc)
	}
	b.text(otel, "event_name", o.eventName)
	b.text(otel, "original_time", original)
	if o.folded > 0 {
		otel.Set("folded", b.a.NewNumberInt(int(o.folded)))
	}
	cs.Set("otel", otel)
	root.Set("contexts", cs)
}

// attributes writes all but the exception itself, which the payload has.
func (b *builder) attributes(ts []*schema.Tag) *fastjson.Value {
	v := b.object()
	for _, t := range ts {
		if !strings.HasPrefix(t.Key, "exception.") {
			v.Set(t.Key, b.a.NewString(t.Value))
		}
	}
	return v
}
