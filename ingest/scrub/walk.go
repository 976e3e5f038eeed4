package scrub

import (
	"strings"
	"unsafe"

	"errata/ingest/node"
	"errata/ingest/scrub/detect"
)

// walker goes through one event.
type walker struct {
	s *Scrubber
	a *node.Arena
	c Counts
}

// untouched are parts of an event that hold no values of users.
func untouched(key string) bool {
	switch key {
	case "event_id", "timestamp", "start_timestamp", "received", "platform", "release", "dist", "environment", "level", "type",
		"version", "sdk", "modules", "debug_meta", "measurements", "logger", "server_name", "project", "key_id":
		return true
	}
	return false
}

// all scrubs the members of an object by their names.
func (w *walker) all(v *node.Value) {
	l := v.Members()
	for i := range l {
		if n := w.member(l[i].Key(), l[i].Value()); n != nil {
			l[i].SetValue(n)
		}
	}
}

// each visits the members of an object; f returns the new value or nil.
func each(v *node.Value, f func(key string, m *node.Value) *node.Value) {
	l := v.Members()
	for i := range l {
		// Of two of one name each is replaced: both are written.
		if n := f(l[i].Key(), l[i].Value()); n != nil {
			l[i].SetValue(n)
		}
	}
}

// event scrubs the members of an event. It reports whether it replaced one.
func (w *walker) event(v *node.Value) (replaced bool) {
	l := v.Members()
	for i := range l {
		if n := w.part(l[i].Key(), l[i].Value()); n != nil {
			l[i].SetValue(n)
			replaced = true
		}
	}
	return replaced
}

// part scrubs one member of an event.
func (w *walker) part(key string, m *node.Value) *node.Value {
	switch key {
	case "exception", "threads":
		w.exceptions(m)
	case "stacktrace":
		w.stack(m)
	case "logentry", "message":
		return w.message(m)
	case "request":
		w.request(m)
	case "user":
		w.user(m)
	case "transaction", "culprit":
		return w.text(m, true)
	case "fingerprint":
		w.lines(m)
	case "event_id", "received", "platform", "type", "modules", "debug_meta", "project", "key_id":
	case "_meta", "errors":
		return w.any(m)
	case "measurements":
		each(m, func(_ string, m *node.Value) *node.Value {
			each(m, func(key string, m *node.Value) *node.Value {
				if key == "unit" {
					return w.text(m, false)
				}
				return nil
			})
			return nil
		})
	default:
		if !untouched(key) {
			return w.member(key, m)
		}
		// Names of the client's own choice, and no place for secrets; still some
		// put them there.
		if m.Type() == node.TypeString || key == "sdk" {
			return w.any(m)
		}
	}
	return nil
}

// values returns what {"values":[...]} or a bare list holds, and with it the one
// bare object that v can be in their place.
func values(v *node.Value) (list, one *node.Value) {
	if v.Type() == node.TypeObject {
		if inner := v.Member("values"); inner != nil {
			v = inner
		}
	}
	if v.Type() == node.TypeObject {
		return nil, v
	}
	return v, nil
}

// exceptions scrubs those of a chain, or threads.
func (w *walker) exceptions(v *node.Value) {
	list, one := values(v)
	if one != nil {
		w.exception(one)
	}
	for _, m := range list.Elements() {
		w.exception(m)
	}
}

// lines scrubs the texts of a list as messages.
func (w *walker) lines(v *node.Value) {
	list, _ := values(v)
	l := list.Elements()
	for i, m := range l {
		if n := w.line(m); n != nil {
			l[i] = n
		}
	}
}

func (w *walker) exception(v *node.Value) {
	each(v, func(key string, m *node.Value) *node.Value {
		switch key {
		case "value":
			if m.Type() == node.TypeString {
				return w.text(m, true)
			}
			return w.any(m)
		case "stacktrace", "raw_stacktrace":
			w.stack(m)
		case "mechanism":
			each(m, func(key string, m *node.Value) *node.Value {
				switch key {
				case "data", "meta", "description", "help_link":
					return w.any(m)
				}
				return nil
			})
		case "name": // Of a thread.
			return w.text(m, false)
		}
		return nil
	})
}

func (w *walker) stack(v *node.Value) {
	// Their values are addresses in hex. What is not comes from nobody knows where.
	each(v.Get("registers"), func(_ string, m *node.Value) *node.Value {
		if m.Type() == node.TypeString && isHex(m.Text()) {
			return nil
		}
		return w.any(m)
	})
	for _, f := range v.Get("frames").Elements() {
		l := f.Members()
		for i := range l {
			switch m := &l[i]; m.Key() {
			case "vars":
				if n := w.any(m.Value()); n != nil {
					m.SetValue(n)
				}
			case "context_line":
				// As a line of a text trace is: both protocols must group alike.
				if n := w.line(m.Value()); n != nil {
					m.SetValue(n)
				}
			case "pre_context", "post_context":
				w.lines(m.Value())
			}
		}
	}
}

// isHex reports whether text is a number in hex of up to 512 bits, the widest
// register.
func isHex(text string) bool {
	digits := strings.TrimPrefix(text, "0x")
	if digits == "" || len(digits) > 128 {
		return false
	}
	for i := range len(digits) {
		if c := digits[i] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (w *walker) message(v *node.Value) *node.Value {
	if v.Type() == node.TypeString {
		return w.text(v, true)
	}
	each(v, func(key string, m *node.Value) *node.Value {
		if key == "params" {
			return w.any(m)
		}
		return w.text(m, true)
	})
	return nil
}

// member scrubs one value with its name.
func (w *walker) member(key string, m *node.Value) *node.Value {
	if w.s.names.Secret(key) {
		return w.filter(m, detect.RuleKey)
	}
	if m.Type() == node.TypeString && isID(key, m.Text()) {
		return nil
	}
	return w.any(m)
}

// filter replaces a value that can hold a secret; null, true and false cannot.
func (w *walker) filter(m *node.Value, rule string) *node.Value {
	switch m.Type() {
	case node.TypeNull, node.TypeTrue, node.TypeFalse:
		return nil
	case node.TypeString:
		if s := m.Text(); s == "" || s == detect.Filtered {
			return nil
		}
	case node.TypeArray:
		if len(m.Elements()) == 0 {
			return nil
		}
	case node.TypeObject:
		if len(m.Members()) == 0 {
			return nil
		}
	}
	w.c.Add(rule)
	return w.a.NewString(detect.Filtered)
}

// any scrubs a value of any shape.
func (w *walker) any(v *node.Value) *node.Value {
	if v == nil {
		return nil
	}
	switch v.Type() {
	case node.TypeString:
		return w.text(v, false)
	case node.TypeNumber:
		// Card numbers are also sent as numbers.
		if !w.s.defaults {
			return nil
		}
		if old := v.Number(); len(old) >= 13 && detect.Numbers(old, nil) != old {
			w.c.Add(detect.RuleCard)
			return w.a.NewString("[creditcard]")
		}
	case node.TypeObject:
		w.all(v)
	case node.TypeArray:
		option := false // Of a command line, whose value is the next item.
		for i, m := range v.Elements() {
			if name, ok := pair(m); ok {
				if n := w.member(name, m.Elements()[1]); n != nil {
					m.SetArrayItem(1, n)
				}
				continue
			}
			if m.Type() == node.TypeString {
				text := m.Text()
				if option && text != "" && text[0] != '-' {
					if n := w.filter(m, detect.RuleKey); n != nil {
						v.SetArrayItem(i, n)
					}
					option = false
					continue
				}
				option = w.s.detect.Option(text)
			}
			if n := w.any(m); n != nil {
				v.SetArrayItem(i, n)
			}
		}
	}
	return nil
}

func (w *walker) text(v *node.Value, message bool) *node.Value {
	if !w.s.defaults || v.Type() != node.TypeString {
		return nil
	}
	old := v.Text()
	return w.changed(old, w.s.detect.Text(old, message, w.c))
}

// line is text as a message for what comes again with every event of an issue.
func (w *walker) line(v *node.Value) *node.Value {
	if !w.s.defaults || v.Type() != node.TypeString {
		return nil
	}
	old := v.Text()
	return w.changed(old, w.s.line(old, w.c))
}

// changed is the value to put in the place of a text, nil for none.
func (w *walker) changed(old, text string) *node.Value {
	// What is not changed is the same memory, and most texts are not.
	if unsafe.StringData(text) == unsafe.StringData(old) && len(text) == len(old) || text == old {
		return nil
	}
	return w.a.NewString(text)
}
