package scrub

import (
	"errata/ingest/node"
	"errata/ingest/scrub/detect"
	"errata/ingest/scrub/name"
)

func (w *walker) request(v *node.Value) {
	each(v, func(key string, m *node.Value) *node.Value {
		switch key {
		case "headers":
			w.pairs(m, w.header)
		case "cookies":
			if m.Type() == node.TypeString {
				return w.cookieText(m)
			}
			w.pairs(m, func(name string, m *node.Value) *node.Value {
				if w.s.names.Cookie(name) {
					return w.filter(m, detect.RuleCookie)
				}
				return w.any(m)
			})
		case "query_string":
			if m.Type() == node.TypeString {
				return w.any(m)
			}
			w.pairs(m, w.member)
		case "method", "inferred_content_type", "api_target":
		default:
			return w.any(m)
		}
		return nil
	})
}

func (w *walker) header(key string, m *node.Value) *node.Value {
	switch name.Squash(key) {
	case "useragent":
		return nil
	case "cookie", "setcookie":
		if m.Type() == node.TypeString {
			return w.cookieText(m)
		}
	}
	return w.member(key, m)
}

func (w *walker) cookieText(m *node.Value) *node.Value {
	old := m.Text()
	if n := w.s.detect.Cookies(old, w.c); n != old {
		return w.a.NewString(n)
	}
	return nil
}

// pairs visits an object or a list of [name, value].
func (w *walker) pairs(v *node.Value, f func(string, *node.Value) *node.Value) {
	if v.Type() == node.TypeObject {
		each(v, f)
		return
	}
	for _, m := range v.Elements() {
		if name, ok := pair(m); ok {
			if n := f(name, m.Elements()[1]); n != nil {
				m.SetArrayItem(1, n)
			}
		}
	}
}

func pair(m *node.Value) (string, bool) {
	if m.Type() != node.TypeArray {
		return "", false
	}
	kv := m.Elements()
	if len(kv) != 2 || kv[0].Type() != node.TypeString {
		return "", false
	}
	return kv[0].Text(), true
}

// user keeps who it was and scrubs what else is said of them.
func (w *walker) user(v *node.Value) {
	each(v, func(key string, m *node.Value) *node.Value {
		switch key {
		case "id", "username", "email", "name", "ip_address", "geo", "segment":
			return nil
		}
		return w.member(key, m)
	})
}
