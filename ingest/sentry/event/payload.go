package event

import (
	"encoding/hex"

	"github.com/valyala/fastjson"

	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// How much of a part is kept, in bytes of JSON; depth is levels of nesting.
// Source: Sentry's metastructure attributes.
const (
	maxVars       = 2 << 10
	depthVars     = 5
	maxCrumbData  = 2 << 10
	depthCrumb    = 5
	maxRequest    = 8 << 10 // Data, headers, env, each.
	depthRequest  = 7
	maxQuery      = 1 << 10
	maxExtra      = 256 << 10
	maxExtraItem  = 16 << 10
	depthExtra    = 7
	maxModules    = 8 << 10
	maxContexts   = 64 << 10
	depthContext  = 10
	maxUser       = 16 << 10
	maxOtherBytes = 16 << 10
	slimFrames    = 50 // Beyond, frames far from the crash lose source and variables.
	maxSource     = 256
	maxThreads    = 256
)

// writer builds the payload.
type writer struct {
	r     *reader
	b     []byte
	first bool
}

func (w *writer) key(k string) {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) str(k, v string) {
	if v != "" {
		w.key(k)
		w.b = tree.AppendString(w.b, v)
	}
}

// trimmed writes an attribute within bounds and notes where it was cut.
func (w *writer) trimmed(name, k string, v *fastjson.Value, depth, max int) {
	if v == nil {
		return
	}
	w.key(k)
	var cut bool
	if w.b, cut = tree.AppendTrimmed(w.b, v, depth, max); cut {
		w.r.problem("value_too_long", name, "was cut to its limit", nil)
	}
}

// payload writes the event in one canonical shape. Columns that were settled
// are written as settled, everything else as the scrubbed tree has it.
func (r *reader) payload(ev *schema.Event) []byte {
	w := writer{r: r, b: append(r.scratch[:0], '{'), first: true}
	f := &r.f
	w.key("event_id")
	w.b = append(w.b, '"')
	w.b = hex.AppendEncode(w.b, ev.EventId)
	w.b = append(w.b, '"')
	w.key("timestamp")
	w.b = append(w.b, '"')
	w.b = instant.Append(w.b, r.ts)
	w.b = append(w.b, '"')
	w.str("type", ev.Type)
	w.str("level", levelName(ev.Level))
	w.str("platform", ev.Platform)
	w.str("logger", ev.Logger)
	w.str("transaction", ev.Transaction)
	w.trimmed("transaction_info", "transaction_info", f.v[fTransactionInfo], 3, 1<<10)
	w.str("server_name", ev.ServerName)
	w.str("release", ev.Release)
	w.str("dist", ev.Dist)
	w.str("environment", ev.Environment)
	w.logentry()
	w.exceptions()
	w.threads()
	if s := f.v[fStacktrace]; s != nil {
		w.key("stacktrace")
		w.stack(s)
	}
	w.trimmed("template", "template", f.v[fTemplate], 3, maxOtherBytes)
	w.request()
	w.trimmed("user", "user", f.v[fUser], 7, maxUser)
	w.tags()
	w.contexts(ev)
	w.breadcrumbs()
	w.extra()
	w.trimmed("modules", "modules", f.v[fModules], 2, maxModules)
	w.trimmed("sdk", "sdk", f.v[fSDK], 4, 8<<10)
	w.trimmed("fingerprint", "fingerprint", f.v[fFingerprint], 2, 4<<10)
	w.trimmed("checksum", "checksum", f.v[fChecksum], 1, 256)
	w.trimmed("debug_meta", "debug_meta", f.v[fDebugMeta], 5, maxExtra)
	for _, i := range []field{fCSP, fHPKP, fExpectCT, fExpectStaple, fNEL, fMeasurements, fBreakdowns} {
		w.trimmed(fieldNames[i], fieldNames[i], f.v[i], 7, maxRequest)
	}
	w.other()
	w.errors()
	r.scratch = append(w.b, '}')
	return append([]byte(nil), r.scratch...)
}

func (w *writer) logentry() {
	l := w.r.f.v[fLogentry]
	if l == nil {
		return
	}
	w.key("logentry")
	w.b = append(w.b, '{')
	w.first = true
	cut := func(k, s string) {
		s, was := tree.CutChars(s, schema.MaxMessage)
		if was {
			w.r.problem("value_too_long", "logentry."+k, "was cut to its limit", nil)
		}
		w.str(k, s)
	}
	cut("formatted", w.r.group.Message)
	cut("message", w.r.group.Template)
	w.trimmed("logentry.params", "params", l.Get("params"), 5, 2<<10)
	w.b = append(w.b, '}')
	w.first = false
}

func (w *writer) tags() {
	if len(w.r.tags) == 0 {
		return
	}
	w.key("tags")
	w.b = append(w.b, '{')
	w.first = true
	for i := range w.r.tags {
		w.str(w.r.tags[i].Key, w.r.tags[i].Value)
	}
	w.b = append(w.b, '}')
	w.first = false
}

func (w *writer) request() {
	q := w.r.f.v[fRequest]
	if q == nil {
		return
	}
	w.key("request")
	w.b = append(w.b, '{')
	w.first = true
	q.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		max := maxRequest
		switch string(k) {
		case "query_string":
			max = maxQuery
		case "url":
			max = 2 << 10
		}
		w.member("request", k, v, depthRequest, max)
	})
	w.b = append(w.b, '}')
	w.first = false
}

// member writes one member of an object whose keys are the client's. Nulls are
// left out, except in extra, where they are data.
func (w *writer) member(parent string, k []byte, v *fastjson.Value, depth, max int) {
	if v.Type() == fastjson.TypeNull && parent != "extra" {
		return
	}
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
	w.b = append(tree.AppendString(w.b, tree.Str(k)), ':')
	var cut bool
	if w.b, cut = tree.AppendTrimmed(w.b, v, depth, max); cut {
		w.r.problem("value_too_long", parent+"."+string(k), "was cut to its limit", nil)
	}
}

// contexts keeps all of them and adds the trace that only the envelope knew.
func (w *writer) contexts(ev *schema.Event) {
	c := w.r.f.v[fContexts]
	if c == nil && ev.TraceId == "" {
		return
	}
	w.key("contexts")
	w.b = append(w.b, '{')
	w.first = true
	trace := false
	start := len(w.b)
	c.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		if string(k) == "reprocessing" || len(w.b)-start > maxExtra {
			return
		}
		if string(k) == "trace" {
			if v.Type() != fastjson.TypeObject {
				return
			}
			trace = true
		}
		w.member("contexts", k, v, depthContext, maxContexts)
	})
	if !trace && ev.TraceId != "" {
		w.key("trace")
		w.b = append(append(append(w.b, `{"trace_id":"`...), ev.TraceId...), `"}`...)
	}
	w.b = append(w.b, '}')
	w.first = false
}

func (w *writer) extra() {
	x := w.r.f.v[fExtra]
	if x == nil {
		return
	}
	w.key("extra")
	w.b = append(w.b, '{')
	w.first = true
	start := len(w.b)
	x.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		left := maxExtra - (len(w.b) - start)
		if left <= 0 {
			w.r.problem("value_too_long", "extra", "has more than 256 KiB", nil)
			return
		}
		w.member("extra", k, v, depthExtra, min(maxExtraItem, left))
	})
	w.b = append(w.b, '}')
	w.first = false
}

// other keeps attributes that no one knows.
func (w *writer) other() {
	for _, m := range w.r.f.other {
		w.member("event", []byte(m.key), m.value, depthExtra, maxOtherBytes)
	}
}

func (w *writer) errors() {
	if len(w.r.errors) == 0 {
		return
	}
	w.key("errors")
	w.b = append(w.b, '[')
	for i, p := range w.r.errors {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '{')
		w.first = true
		w.str("type", p.kind)
		w.str("name", p.name)
		w.str("reason", p.reason)
		if p.value != nil {
			w.key("value")
			w.b = append(w.b, p.value...)
		}
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ']')
	w.first = false
}
