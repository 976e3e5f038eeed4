package otlp

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/document"
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
	p := attribute.User(o.own, o.server, o.res.tags)
	c := attribute.HTTP(o.server)
	// Sentry keeps the query beside the URL, and scrubs it there.
	address, query, _ := strings.Cut(c.URL, "?")
	ts := attribute.Merge(o.tags...)
	// Of very many errors in one request only the first say in their payload
	// what surrounds them; columns and tags are whole in all.
	whole := a.payloads < maxPayloads
	ev.Message = attribute.Clipped(o.message, schema.MaxMessage)
	ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp = p.ID, p.Name, p.Email, p.IP
	ev.HttpMethod, ev.Url, ev.HttpStatus = c.Method, address, c.Status
	ev.Tags = ts

	w := &document.Writer{B: make([]byte, 0, 2048+int(min(t.size(), 64<<10)))}
	w.Open('{')
	w.Text("event_id", hex.EncodeToString(ev.EventId))
	w.Text("timestamp", time.UnixMilli(ev.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z"))
	w.Text("platform", ev.Platform)
	w.Text("level", levelName(ev.Level))
	w.Text("logger", ev.Logger)
	w.Text("transaction", ev.Transaction)
	w.Text("server_name", ev.ServerName)
	w.Text("release", ev.Release)
	w.Text("environment", ev.Environment)
	if ev.Message != "" {
		w.Object("logentry", func() { w.Text("formatted", ev.Message) })
	}
	w.Object("exception", func() {
		w.Key("values")
		w.Open('[')
		for i := range t.chain {
			w.Exception(&t.chain[i])
		}
		w.Close(']')
	})
	if p != (attribute.Person{}) {
		w.Object("user", func() {
			w.Text("id", p.ID)
			w.Text("username", p.Name)
			w.Text("email", p.Email)
			w.Text("ip_address", p.IP)
		})
	}
	if c.Method != "" || c.URL != "" {
		w.Object("request", func() {
			w.Text("method", c.Method)
			w.Text("url", address)
			w.Text("query_string", query)
		})
	}
	if whole {
		w.Pairs("tags", ts, "")
	}
	contexts(w, o, original, whole)
	if ev.SdkName != "" {
		w.Object("sdk", func() {
			w.Text("name", ev.SdkName)
			w.Text("version", ev.SdkVersion)
		})
	}
	w.Close('}')
	ev.Payload = w.B
	a.payloads += len(w.B)
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
	ev.Payload = document.AppendTree(nil, root)
}

func contexts(w *document.Writer, o *origin, original string, whole bool) {
	w.Object("contexts", func() {
		if o.traceID != "" {
			w.Object("trace", func() {
				w.Text("trace_id", o.traceID)
				w.Text("span_id", o.spanID)
				w.Text("parent_span_id", o.parentID)
				w.Text("op", o.op)
				switch o.status {
				case 1:
					w.Text("status", "ok")
				case 2:
					w.Text("status", "internal_error")
				}
			})
		}
		w.Object("otel", func() {
			if whole {
				w.Pairs("resource", o.res.tags, "")
				// The exception itself is told above.
				w.Pairs("attributes", o.own, "exception.")
			}
			if o.scope.name != "" {
				w.Object("scope", func() {
					w.Text("name", o.scope.name)
					w.Text("version", o.scope.version)
				})
			}
			w.Text("event_name", o.eventName)
			w.Text("original_time", original)
			if o.folded > 0 {
				w.Number("folded", int(o.folded))
			}
		})
	})
}
