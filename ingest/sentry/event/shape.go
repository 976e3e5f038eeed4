package event

import (
	"net/url"
	"strings"

	"github.com/valyala/fastjson"

	"errata/ingest/sentry/tree"
)

// shape brings the many forms of attributes to one before anything else looks
// at the tree: old names, bare lists, lists of pairs. Trees of current SDKs
// pass unchanged. It returns whether the tree was changed.
func (r *reader) shape() {
	f := &r.f
	if f.legacy {
		r.renameLegacy()
	}
	r.listed(fException, "type", "value", "stacktrace", "module")
	r.listed(fThreads, "stacktrace", "crashed", "current")
	r.listed(fBreadcrumbs, "message", "category", "data")
	r.shapeMessage()
	r.shapeStack()
	r.pairs(fTags)
	r.pairs(fModules)
	r.pairs(fExtra)
	for _, i := range objects {
		if v := f.v[i]; v != nil && v.Type() != fastjson.TypeObject {
			r.invalid(fieldNames[i], "expected an object", v)
			r.drop(i)
		}
	}
	r.shapeRequest()
	r.shapeUser()
}

// objects are the attributes that must be objects by now.
var objects = []field{fContexts, fExtra, fModules, fRequest, fUser, fSDK, fTags, fDebugMeta, fStacktrace, fMeasurements, fTransactionInfo}

func (r *reader) set(i field, v *fastjson.Value) {
	r.f.v[i] = v
	r.doc.Root.Set(fieldNames[i], v)
}

func (r *reader) drop(i field) {
	r.f.v[i] = nil
	r.doc.Root.Del(fieldNames[i])
}

func (r *reader) renameLegacy() {
	for name, i := range legacyNames {
		v := r.doc.Root.Get(name)
		if v == nil || i == fieldCount {
			continue
		}
		r.doc.Root.Del(name)
		if r.f.v[i] == v {
			r.doc.Root.Set(fieldNames[i], v)
		}
	}
}

// listed wraps a bare list, or one bare object that has any of keys, into
// {"values": [...]}.
func (r *reader) listed(i field, keys ...string) {
	v := r.f.v[i]
	if v == nil {
		return
	}
	a := &r.doc.Arena
	switch v.Type() {
	case fastjson.TypeObject:
		inner := v.Get("values")
		if inner != nil {
			if inner.Type() == fastjson.TypeArray {
				return
			}
			if inner.Type() != fastjson.TypeNull {
				r.invalid(fieldNames[i], "expected a list of values", inner)
			}
			r.drop(i)
			return
		}
		for _, k := range keys {
			if v.Get(k) != nil {
				list, o := a.NewArray(), a.NewObject()
				list.SetArrayItem(0, v)
				o.Set("values", list)
				r.set(i, o)
				return
			}
		}
		r.drop(i)
	case fastjson.TypeArray:
		o := a.NewObject()
		o.Set("values", v)
		r.set(i, o)
	default:
		r.invalid(fieldNames[i], "expected a list", v)
		r.drop(i)
	}
}

// pairs turns [[k, v], ...] and [{"key": k, "value": v}, ...] into an object.
// The first of equal keys wins.
func (r *reader) pairs(i field) {
	v := r.f.v[i]
	if v == nil || v.Type() != fastjson.TypeArray {
		return
	}
	o, ok := r.pairsOf(v, "")
	if !ok {
		r.invalid(fieldNames[i], "expected an object or a list of pairs", v)
		r.drop(i)
		return
	}
	r.set(i, o)
}

// maxPairs bounds lists of pairs: adding to a tree looks at all keys before.
const maxPairs = 512

// pairsOf returns the object that a list of pairs stands for. Values of equal
// keys are joined by sep; where sep is empty the first wins.
func (r *reader) pairsOf(v *fastjson.Value, sep string) (*fastjson.Value, bool) {
	a := &r.doc.Arena
	o := a.NewObject()
	n := 0
	for _, p := range v.GetArray() {
		var key string
		var val *fastjson.Value
		switch {
		case tree.Is(p, fastjson.TypeArray) && len(p.GetArray()) == 2:
			key, val = tree.Lenient(p.GetArray()[0]), p.GetArray()[1]
		case tree.Is(p, fastjson.TypeObject) && p.Get("key") != nil:
			key, val = tree.Lenient(p.Get("key")), p.Get("value")
		case tree.Null(p):
			continue
		default:
			return nil, false
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
	return o, true
}

// shapeMessage makes logentry {message, params, formatted} of all forms.
func (r *reader) shapeMessage() {
	a := &r.doc.Arena
	if m := r.f.v[fMessage]; m != nil {
		if r.f.v[fLogentry] == nil {
			switch m.Type() {
			case fastjson.TypeObject, fastjson.TypeString:
				r.f.v[fLogentry] = m
			default:
				r.f.v[fLogentry] = a.NewString(tree.Lenient(m))
			}
			r.doc.Root.Set("logentry", r.f.v[fLogentry])
		}
		r.drop(fMessage)
	}
	l := r.f.v[fLogentry]
	if l == nil {
		return
	}
	switch l.Type() {
	case fastjson.TypeObject:
	case fastjson.TypeString:
		o := a.NewObject()
		o.Set("formatted", l)
		r.set(fLogentry, o)
	default:
		r.invalid("logentry", "expected an object or text", l)
		r.drop(fLogentry)
	}
}

// shapeStack moves a top-level stack into the only exception, where that has
// none, as old clients send it.
func (r *reader) shapeStack() {
	s, e := r.f.v[fStacktrace], r.f.v[fException]
	if s == nil || e == nil {
		return
	}
	values := e.GetArray("values")
	if len(values) != 1 || !tree.Is(values[0], fastjson.TypeObject) || !tree.Null(values[0].Get("stacktrace")) {
		return
	}
	values[0].Set("stacktrace", s)
	r.drop(fStacktrace)
}

func (r *reader) shapeRequest() {
	q := r.f.v[fRequest]
	if q == nil {
		return
	}
	for _, k := range []string{"headers", "cookies", "env"} {
		v := q.Get(k)
		if v == nil || v.Type() != fastjson.TypeArray {
			continue
		}
		sep := ","
		if k == "cookies" {
			sep = ""
		}
		if o, ok := r.pairsOf(v, sep); ok {
			q.Set(k, o)
		} else {
			r.invalid("request."+k, "expected an object or a list of pairs", v)
			q.Del(k)
		}
	}
	switch v := q.Get("query_string"); {
	case tree.Is(v, fastjson.TypeArray), tree.Is(v, fastjson.TypeObject):
		q.Set("query_string", r.doc.Arena.NewString(queryText(v)))
	case tree.Is(v, fastjson.TypeString):
		// A URL's question mark is not part of the query.
		if s := tree.Text(v); strings.HasPrefix(s, "?") {
			q.Set("query_string", r.doc.Arena.NewString(s[1:]))
		}
	}
}

// queryText writes a list of pairs or an object as a query string.
func queryText(v *fastjson.Value) string {
	var b strings.Builder
	add := func(k, val string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(k))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(val))
	}
	if v.Type() == fastjson.TypeObject {
		v.GetObject().Visit(func(k []byte, c *fastjson.Value) {
			if c.Type() == fastjson.TypeArray {
				for _, e := range c.GetArray() {
					add(string(k), tree.Lenient(e))
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
func (r *reader) shapeUser() {
	infer := true
	legacy := true // The client says nothing of infer_ip.
	if s := r.f.v[fSDK]; s != nil {
		if v := s.Get("settings", "infer_ip"); !tree.Null(v) {
			infer, legacy = tree.Text(v) == "auto", false
		}
	}
	a := &r.doc.Arena
	u := r.f.v[fUser]
	ip := ""
	if u != nil {
		ip = tree.Get(u, "ip_address")
	}
	if ip != "" && ip != auto {
		return
	}
	client := r.in.Request.ClientIP
	if env := tree.Text(r.f.v[fRequest].Get("env", "REMOTE_ADDR")); env != "" && env != auto {
		// What the application saw wins over our peer.
		client, infer = env, true
	} else if ip == "" {
		platform := tree.Text(r.f.v[fPlatform])
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
		r.set(fUser, u)
	}
	u.Set("ip_address", a.NewString(client))
}

const auto = "{{auto}}"
