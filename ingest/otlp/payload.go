package otlp

import (
	"encoding/hex"
	"strings"
	"sync"
	"time"

	jsontree "errata/ingest/node"
	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/document"
	"errata/ingest/otlp/severity"
	"errata/ingest/otlp/thrown"
	"errata/ingest/scrub"
	"errata/schema"
)

// maxPayloads bounds the payloads of one request together, because each of them
// repeats what resource and span say once.
const maxPayloads = 32 << 20

// parsers lends the trees that payloads are scrubbed in.
var parsers = sync.Pool{New: func() any { return new(jsontree.Parser) }}

// settle fills the columns that the payload repeats.
func (a *adapter) settle(ev *schema.Event, o *origin) {
	p := attribute.User(o.own, o.server, o.res.tags)
	c := attribute.HTTP(o.server)
	ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp = p.ID, p.Name, p.Email, p.IP
	// Sentry keeps the query beside the URL, and scrubs it there.
	ev.Url, o.query, _ = strings.Cut(c.URL, "?")
	ev.HttpMethod, ev.HttpStatus = c.Method, c.Status
	ev.Message = attribute.Clipped(o.message, schema.MaxMessage)
	ev.Tags = attribute.Merge(o.tags...)
}

// payload writes the event as Sentry-shaped JSON. main is the place of the main
// exception, whose frames show our in-app decision.
func (a *adapter) payload(ev *schema.Event, o *origin, t *thrown.Exception, main int, original string) {
	// Of very many errors in one request only the first say in their payload
	// what surrounds them; columns and tags are whole in all.
	whole := a.payloads < maxPayloads

	w := &document.Writer{}
	lent := a.batch.Lend() // Of a request's first error, which mostly is its only one.
	if lent != nil {
		w.B = (*lent)[:0]
	} else {
		w.B = make([]byte, 0, 4096+int(min(2*t.Size(), 64<<10)))
	}
	w.Open('{')
	w.Text("event_id", hex.EncodeToString(ev.EventId))
	w.Text("timestamp", time.UnixMilli(ev.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z"))
	w.Text("platform", ev.Platform)
	w.Text("level", severity.Name(ev.Level))
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
		for i := range t.Chain {
			var inApp []bool
			if i == main {
				inApp = ev.FramesInApp
			}
			w.Exception(&t.Chain[i], inApp)
		}
		w.Close(']')
	})
	if ev.UserId+ev.UserName+ev.UserEmail+ev.UserIp != "" {
		w.Object("user", func() {
			w.Text("id", ev.UserId)
			w.Text("username", ev.UserName)
			w.Text("email", ev.UserEmail)
			w.Text("ip_address", ev.UserIp)
		})
	}
	if ev.HttpMethod+ev.Url != "" {
		w.Object("request", func() {
			w.Text("method", ev.HttpMethod)
			w.Text("url", ev.Url)
			w.Text("query_string", o.query)
		})
	}
	if whole {
		w.Pairs("tags", ev.Tags, "")
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
	if lent != nil {
		*lent = w.B
	}
	a.payloads += len(w.B)
}

// scrub applies the rules that know where a value stands, and reads back what
// the columns take from the payload, so that a rule by path holds for both. It
// reports whether it changed anything, which is not usual.
func (a *adapter) scrub(ev *schema.Event, t *thrown.Exception) bool {
	parser, _ := parsers.Get().(*jsontree.Parser)
	defer parsers.Put(parser)
	root, err := parser.ParseBytes(ev.Payload)
	if err != nil {
		// Our own writer made it; what cannot be scrubbed is not kept.
		ev.Payload = nil
		return false
	}
	counts := scrub.Counts{}
	a.req.Project.Scrubber.JSON(root, &jsontree.Arena{}, counts)
	if len(counts) == 0 {
		return false
	}
	for rule, n := range counts {
		t.Redacted[rule] += n
	}
	get := func(path ...string) string { return string(root.GetStringBytes(path...)) }
	ev.Message = get("logentry", "formatted")
	for i, v := range root.GetArray("exception", "values") {
		if i == len(t.Chain) {
			break
		}
		e := &t.Chain[i]
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
		o.Visit(func(k []byte, v *jsontree.Value) {
			if s, err := v.StringBytes(); err == nil && len(s) > 0 {
				ev.Tags = append(ev.Tags, &schema.Tag{Key: string(k), Value: string(s)})
			}
		})
	}
	ev.Payload = document.AppendTree(nil, root)
	return true
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
