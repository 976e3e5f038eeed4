// Package payload writes the canonical JSON of an event. In: its settled
// columns and its scrubbed tree. Out: Sentry-shaped JSON within bounds, with
// what was cut or refused named in errors. It changes no tree.
package payload

import (
	"encoding/hex"
	"slices"

	"errata/ingest/node"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/shape"
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
	in    *Input
	b     []byte
	first bool
}

func (w *writer) key(k string) {
	n := len(w.b)
	b := slices.Grow(w.b, len(k)+4)[:n+len(k)+4]
	b[n] = ','
	if !w.first {
		n++
	}
	w.first = false
	b[n] = '"'
	n += 1 + copy(b[n+1:], k)
	b[n], b[n+1] = '"', ':'
	w.b = b[:n+2]
}

func (w *writer) str(k, v string) {
	if v != "" {
		w.key(k)
		w.b = tree.AppendString(w.b, v)
	}
}

// trimmed writes an attribute within bounds and notes where it was cut.
func (w *writer) trimmed(name, k string, v *node.Value, depth, max int) {
	if v == nil {
		return
	}
	w.key(k)
	var cut bool
	if w.b, cut = tree.AppendTrimmed(w.b, v, depth, max); cut {
		w.in.Attributes.Problem("value_too_long", name, "was cut to its limit", nil)
	}
}

// Input is what the payload of one event is made of.
type Input struct {
	Event      *schema.Event // Its columns, settled.
	Attributes *shape.Event  // The scrubbed tree; problems found while writing are added.
	Time       int64         // Unix microseconds, moved already.
	Shift      int64         // Microseconds by which every other time is moved.
	Message    string        // Formatted, uncut.
	Template   string
	Tags       []schema.Tag // With environment, which is no column of its own there.
	Main       int          // Place of the main exception, -1 for none: its frames get our in-app decision.
}

// Append writes the event in one canonical shape. Columns that were settled are
// written as settled, everything else as the tree has it, within bounds.
func Append(dst []byte, in *Input) []byte {
	w := writer{in: in, b: append(dst, '{'), first: true}
	f, ev := in.Attributes, in.Event
	w.key("event_id")
	w.b = append(w.b, '"')
	w.b = hex.AppendEncode(w.b, ev.EventId)
	w.b = append(w.b, '"')
	w.key("timestamp")
	w.b = append(w.b, '"')
	w.b = instant.Append(w.b, in.Time)
	w.b = append(w.b, '"')
	w.str("type", ev.Type)
	w.str("level", LevelName(ev.Level))
	w.str("platform", ev.Platform)
	w.str("logger", ev.Logger)
	w.str("transaction", ev.Transaction)
	w.trimmed("transaction_info", "transaction_info", f.Get(shape.TransactionInfo), 3, 1<<10)
	w.str("server_name", ev.ServerName)
	w.str("release", ev.Release)
	w.str("dist", ev.Dist)
	w.str("environment", ev.Environment)
	w.logentry()
	w.exceptions()
	w.threads()
	if s := f.Get(shape.Stacktrace); s != nil {
		w.key("stacktrace")
		w.stack(s, nil)
	}
	w.trimmed("template", "template", f.Get(shape.Template), 3, maxOtherBytes)
	w.request()
	w.user()
	w.tags()
	w.contexts(ev)
	w.breadcrumbs()
	w.extra()
	w.trimmed("modules", "modules", f.Get(shape.Modules), 2, maxModules)
	w.trimmed("sdk", "sdk", f.Get(shape.SDK), 4, 8<<10)
	w.trimmed("fingerprint", "fingerprint", f.Get(shape.Fingerprint), 2, 4<<10)
	w.trimmed("checksum", "checksum", f.Get(shape.Checksum), 1, 256)
	w.trimmed("debug_meta", "debug_meta", f.Get(shape.DebugMeta), 5, maxExtra)
	for _, i := range [...]shape.Field{shape.CSP, shape.HPKP, shape.ExpectCT, shape.ExpectStaple, shape.NEL, shape.Measurements, shape.Breakdowns} {
		w.trimmed(i.Name(), i.Name(), f.Get(i), 7, maxRequest)
	}
	w.trimmed("culprit", "culprit", f.Get(shape.Culprit), 1, 1<<10)
	w.other()
	w.trimmed("_meta", "_meta", f.Get(shape.Meta), depthExtra, maxOtherBytes)
	w.errors()
	return append(w.b, '}')
}

func (w *writer) logentry() {
	l := w.in.Attributes.Get(shape.Logentry)
	if l == nil {
		return
	}
	w.key("logentry")
	w.b = append(w.b, '{')
	w.first = true
	cut := func(k, s string) {
		s, was := tree.CutChars(s, schema.MaxMessage)
		if was {
			w.in.Attributes.Problem("value_too_long", "logentry."+k, "was cut to its limit", nil)
		}
		w.str(k, s)
	}
	cut("formatted", w.in.Message)
	cut("message", w.in.Template)
	w.trimmed("logentry.params", "params", l.Get("params"), 5, 2<<10)
	w.b = append(w.b, '}')
	w.first = false
}

// userLimit is how many characters of a member of the user are kept; 0 where
// only all of the user is bounded.
func userLimit(key string) int {
	switch key {
	case "id", "username", "name":
		return 128
	case "email":
		return 75
	}
	return 0
}

// user cuts names to what their columns hold, so that a long one leaves room for
// the others.
func (w *writer) user() {
	u := w.in.Attributes.Get(shape.User)
	long := false
	members := u.Members()
	for i := range members {
		n := userLimit(members[i].Key())
		long = long || n > 0 && len(members[i].Value().Text()) > n
	}
	if !long {
		w.trimmed("user", "user", u, 7, maxUser)
		return
	}
	w.key("user")
	w.b = append(w.b, '{')
	w.first = true
	start := len(w.b)
	for i := range members {
		m := &members[i]
		n := userLimit(m.Key())
		if n == 0 || m.Value().Type() != node.TypeString {
			w.member("user", m, 6, max(0, maxUser-(len(w.b)-start)))
			continue
		}
		s, cut := tree.CutChars(m.Value().Text(), n)
		if cut {
			w.in.Attributes.Problem("value_too_long", "user."+m.Key(), "was cut to its limit", nil)
		}
		w.str(m.Key(), s)
	}
	w.b = append(w.b, '}')
	w.first = false
}

func (w *writer) tags() {
	if len(w.in.Tags) == 0 {
		return
	}
	w.key("tags")
	w.b = append(w.b, '{')
	w.first = true
	for i := range w.in.Tags {
		w.str(w.in.Tags[i].Key, w.in.Tags[i].Value)
	}
	w.b = append(w.b, '}')
	w.first = false
}

func (w *writer) request() {
	q := w.in.Attributes.Get(shape.Request)
	if q == nil {
		return
	}
	w.key("request")
	w.b = append(w.b, '{')
	w.first = true
	members := q.Members()
	for i := range members {
		max := maxRequest
		switch members[i].Key() {
		case "query_string":
			max = maxQuery
		case "url":
			max = 2 << 10
		}
		w.member("request", &members[i], depthRequest, max)
	}
	w.b = append(w.b, '}')
	w.first = false
}

// member writes one member of an object whose keys are the client's. Nulls are
// left out, except in extra, where they are data.
func (w *writer) member(parent string, m *node.Member, depth, max int) {
	v := m.Value()
	if v.Type() == node.TypeNull && parent != "extra" {
		return
	}
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
	w.b = tree.AppendKey(w.b, m)
	w.value(parent, m.Key(), v, depth, max)
}

// value writes the value of a member whose key is written.
func (w *writer) value(parent, k string, v *node.Value, depth, max int) {
	var cut bool
	if w.b, cut = tree.AppendTrimmed(w.b, v, depth, max); cut {
		w.in.Attributes.Problem("value_too_long", parent+"."+k, "was cut to its limit", nil)
	}
}

// contexts keeps all of them and adds the trace that only the envelope knew.
func (w *writer) contexts(ev *schema.Event) {
	c := w.in.Attributes.Get(shape.Contexts)
	if c == nil && ev.TraceId == "" {
		return
	}
	w.key("contexts")
	w.b = append(w.b, '{')
	w.first = true
	trace := false
	start := len(w.b)
	members := c.Members()
	for i := range members {
		m := &members[i]
		if m.Key() == "reprocessing" || len(w.b)-start > maxExtra {
			continue
		}
		if m.Key() == "trace" {
			if v := m.Value(); v.Type() != node.TypeObject {
				if v.Type() != node.TypeNull {
					w.in.Attributes.Invalid("contexts.trace", "expected an object", v)
				}
				continue
			}
			trace = true
		}
		w.member("contexts", m, depthContext, maxContexts)
	}
	if !trace && ev.TraceId != "" {
		w.key("trace")
		w.b = append(append(append(w.b, `{"trace_id":"`...), ev.TraceId...), `"}`...)
	}
	w.b = append(w.b, '}')
	w.first = false
}

func (w *writer) extra() {
	x := w.in.Attributes.Get(shape.Extra)
	if x == nil {
		return
	}
	w.key("extra")
	w.b = append(w.b, '{')
	w.first = true
	start := len(w.b)
	members := x.Members()
	for i := range members {
		left := maxExtra - (len(w.b) - start)
		if left <= 0 {
			w.in.Attributes.Problem("value_too_long", "extra", "has more than 256 KiB", nil)
			break
		}
		w.member("extra", &members[i], depthExtra, min(maxExtraItem, left))
	}
	w.b = append(w.b, '}')
	w.first = false
}

// other keeps attributes that no one knows.
func (w *writer) other() {
	for _, m := range w.in.Attributes.Other {
		w.member("event", m, depthExtra, maxOtherBytes)
	}
}

// errors writes what the client's side noted before, then what was found here.
func (w *writer) errors() {
	theirs := w.in.Attributes.Get(shape.Errors).GetArray()
	theirs = theirs[:min(len(theirs), 50)]
	if len(w.in.Attributes.Problems)+len(theirs) == 0 {
		return
	}
	w.key("errors")
	w.b = append(w.b, '[')
	for i, v := range theirs {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b, _ = tree.AppendTrimmed(w.b, v, 3, 1<<10)
	}
	for i, p := range w.in.Attributes.Problems {
		if i+len(theirs) > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '{')
		w.first = true
		w.str("type", p.Kind)
		w.str("name", p.Name)
		w.str("reason", p.Reason)
		if p.Value != nil {
			w.key("value")
			w.b = append(w.b, p.Value...)
		}
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ']')
	w.first = false
}
