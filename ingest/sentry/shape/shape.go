package shape

import (
	"net/url"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/tree"
)

// Shape changes the tree where it must; trees of current SDKs pass unchanged.
// clientIP stands for {{auto}}; it may be empty.
func (e *Event) Shape(clientIP string) {
	e.client = clientIP
	if e.legacy {
		e.renameLegacy()
	}
	e.listed(Exception, "type", "value", "stacktrace", "module")
	e.listed(Threads, "stacktrace", "crashed", "current")
	e.listed(Breadcrumbs, "message", "category", "data")
	e.shapeMessage()
	e.shapeStack()
	e.pairs(Tags)
	e.pairs(Modules)
	e.pairs(Extra)
	for _, i := range objects {
		if v := e.v[i]; v != nil && v.Type() != node.TypeObject {
			e.Invalid(names[i], "expected an object", v)
			e.drop(i)
		}
	}
	e.shapeRequest()
	e.shapeUser()
}

// objects are the attributes that must be objects by now.
var objects = []Field{Contexts, Extra, Modules, Request, User, SDK, Tags, DebugMeta, Stacktrace, Measurements, TransactionInfo}

func (e *Event) set(i Field, v *node.Value) {
	e.v[i], e.changed = v, true
	e.Doc.Root.Set(names[i], v)
}

func (e *Event) drop(i Field) {
	e.v[i], e.changed = nil, true
	e.Doc.Root.Del(names[i])
}

func (e *Event) renameLegacy() {
	e.changed = true
	for name, i := range legacyNames {
		v := e.Doc.Root.Get(name)
		if v == nil {
			continue
		}
		e.Doc.Root.Del(name)
		if e.v[i] == v {
			e.Doc.Root.Set(names[i], v)
		}
	}
}

// listed wraps a bare list, or one bare object that has any of keys, into
// {"values": [...]}.
func (e *Event) listed(i Field, keys ...string) {
	v := e.v[i]
	if v == nil {
		return
	}
	a := &e.Doc.Arena
	switch v.Type() {
	case node.TypeObject:
		inner := v.Get("values")
		if inner != nil {
			if inner.Type() == node.TypeArray {
				return
			}
			if inner.Type() == node.TypeObject {
				list := a.NewArray()
				list.SetArrayItem(0, inner)
				v.Set("values", list)
				return
			}
			if inner.Type() != node.TypeNull {
				e.Invalid(names[i], "expected a list of values", inner)
			}
			e.drop(i)
			return
		}
		for _, k := range keys {
			if v.Get(k) != nil {
				list, o := a.NewArray(), a.NewObject()
				list.SetArrayItem(0, v)
				o.Set("values", list)
				e.set(i, o)
				return
			}
		}
		e.drop(i)
	case node.TypeArray:
		o := a.NewObject()
		o.Set("values", v)
		e.set(i, o)
	default:
		e.Invalid(names[i], "expected a list", v)
		e.drop(i)
	}
}

// pairs turns [[k, v], ...] and [{"key": k, "value": v}, ...] into an object.
// The first of equal keys wins.
func (e *Event) pairs(i Field) {
	v := e.v[i]
	if v == nil || v.Type() != node.TypeArray {
		return
	}
	if o := e.pairsOf(v, names[i], ""); o != nil {
		e.set(i, o)
		return
	}
	e.drop(i)
}

// maxPairs bounds lists of pairs: adding to a tree looks at all keys before.
const maxPairs = 512

// pairsOf returns the object that the list of pairs called name stands for; nil
// where it holds none. What is no pair is left out and told. Values of equal keys
// are joined by sep; where sep is empty the first wins.
func (e *Event) pairsOf(v *node.Value, name, sep string) *node.Value {
	a := &e.Doc.Arena
	o := a.NewObject()
	n := 0
	var odd *node.Value
	for _, p := range v.GetArray() {
		var key string
		var val *node.Value
		switch {
		case tree.Is(p, node.TypeArray) && len(p.GetArray()) == 2:
			key, val = tree.Lenient(p.GetArray()[0]), p.GetArray()[1]
		case tree.Is(p, node.TypeObject) && p.Get("key") != nil:
			key, val = tree.Lenient(p.Get("key")), p.Get("value")
		case tree.Null(p):
			continue
		default:
			odd = p
			continue
		}
		if n++; n > maxPairs {
			break
		}
		if val == nil {
			val = a.NewNull()
		}
		if old := o.Get(key); old != nil {
			if sep != "" {
				o.Set(key, a.NewString(tree.Lenient(old)+sep+tree.Lenient(val)))
			}
			continue
		}
		o.Set(key, val)
	}
	if odd != nil {
		if n == 0 {
			e.Invalid(name, "expected an object or a list of pairs", v)
			return nil
		}
		e.Invalid(name, "what of the list is no pair was left out", odd)
	}
	return o
}

// shapeMessage makes logentry {message, params, formatted} of all forms.
func (e *Event) shapeMessage() {
	a := &e.Doc.Arena
	if m := e.v[Message]; m != nil {
		if e.v[Logentry] == nil {
			switch m.Type() {
			case node.TypeObject, node.TypeString:
				e.v[Logentry] = m
			default:
				e.v[Logentry] = a.NewString(tree.Lenient(m))
			}
			e.Doc.Root.Set("logentry", e.v[Logentry])
		} else if l := e.v[Logentry]; l.Type() == node.TypeObject && tree.Null(l.Get("message")) && tree.Null(l.Get("formatted")) && m.Type() == node.TypeString {
			l.Set("message", m) // Its parameters stand beside it.
		}
		e.drop(Message)
	}
	l := e.v[Logentry]
	if l == nil {
		return
	}
	switch l.Type() {
	case node.TypeObject:
	case node.TypeString, node.TypeNumber:
		o := a.NewObject()
		o.Set("formatted", l)
		e.set(Logentry, o)
	default:
		e.Invalid("logentry", "expected an object or text", l)
		e.drop(Logentry)
	}
}

// shapeStack moves a top-level stack into the only exception, where that has
// none, as old clients send it.
func (e *Event) shapeStack() {
	s, x := e.v[Stacktrace], e.v[Exception]
	if s == nil || x == nil {
		return
	}
	values := x.GetArray("values")
	if len(values) != 1 || !tree.Is(values[0], node.TypeObject) || !tree.Null(values[0].Get("stacktrace")) {
		return
	}
	values[0].Set("stacktrace", s)
	e.drop(Stacktrace)
}

func (e *Event) shapeRequest() {
	q := e.v[Request]
	if q == nil {
		return
	}
	for _, k := range []string{"headers", "cookies", "env"} {
		v := q.Get(k)
		if v == nil || v.Type() != node.TypeArray {
			continue
		}
		sep := ","
		if k == "cookies" {
			sep = ""
		}
		if o := e.pairsOf(v, "request."+k, sep); o != nil {
			q.Set(k, o)
		} else {
			q.Del(k)
		}
	}
	switch v := q.Get("query_string"); {
	case tree.Is(v, node.TypeArray), tree.Is(v, node.TypeObject):
		q.Set("query_string", e.Doc.Arena.NewString(queryText(v)))
	case tree.Is(v, node.TypeString):
		// A URL's question mark is not part of the query.
		if s := tree.Text(v); strings.HasPrefix(s, "?") {
			q.Set("query_string", e.Doc.Arena.NewString(s[1:]))
		}
	}
}

// queryText writes a list of pairs or an object as a query string.
func queryText(v *node.Value) string {
	var b strings.Builder
	add := func(k, val string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(k))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(val))
	}
	if v.Type() == node.TypeObject {
		v.GetObject().Visit(func(k []byte, c *node.Value) {
			if c.Type() == node.TypeArray {
				for _, m := range c.GetArray() {
					add(string(k), tree.Lenient(m))
				}
				return
			}
			add(string(k), tree.Lenient(c))
		})
		return b.String()
	}
	for _, p := range v.GetArray() {
		if kv := p.GetArray(); len(kv) == 2 {
			add(tree.Lenient(kv[0]), tree.Lenient(kv[1]))
		}
	}
	return b.String()
}

// shapeUser resolves the client's address, so that scrubbing sees it.
func (e *Event) shapeUser() {
	infer := true
	legacy := true // The client says nothing of infer_ip.
	if s := e.v[SDK]; s != nil {
		if v := s.Get("settings", "infer_ip"); !tree.Null(v) {
			infer, legacy = tree.Text(v) == "auto", false
		}
	}
	a := &e.Doc.Arena
	u := e.v[User]
	ip := ""
	if u != nil {
		ip = tree.Get(u, "ip_address")
	}
	if ip != "" && ip != auto {
		return
	}
	client := e.client
	if env := tree.Text(e.v[Request].Get("env", "REMOTE_ADDR")); env != "" && env != auto {
		// What the application saw wins over our peer.
		client, infer = env, true
	} else if ip == "" {
		platform := tree.Text(e.v[Platform])
		if legacy && platform != "javascript" && platform != "cocoa" && platform != "objc" {
			infer = false
		}
	}
	if !infer || client == "" {
		if ip == auto {
			u.Del("ip_address")
		}
		return
	}
	if u == nil {
		u = a.NewObject()
		e.set(User, u)
	}
	u.Set("ip_address", a.NewString(client))
}

const auto = "{{auto}}"
