package payload

import (
	"strconv"

	"errata/ingest/node"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

func (w *writer) open(k string, c byte) {
	w.key(k)
	w.b = append(w.b, c)
	w.first = true
}

func (w *writer) shut(c byte) {
	w.b = append(w.b, c)
	w.first = false
}

func (w *writer) bool(k string, v bool) {
	w.key(k)
	w.b = strconv.AppendBool(w.b, v)
}

// text writes any value as text of at most max characters.
func (w *writer) text(name, k string, v *node.Value, max int) {
	if tree.Null(v) {
		return
	}
	if len(v.Text()) <= max && v.Type() == node.TypeString {
		w.key(k)
		w.b = tree.AppendText(w.b, v)
		return
	}
	s, cut := tree.CutChars(tree.Lenient(v), max)
	if cut {
		w.in.Attributes.Problem("value_too_long", name, "was cut to its limit", nil)
	}
	w.key(k)
	w.b = tree.AppendString(w.b, s)
}

func (w *writer) exceptions() {
	e := w.in.Attributes.Get(shape.Exception)
	if e == nil {
		return
	}
	w.key("exception")
	w.b = append(w.b, `{"values":[`...)
	n := 0
	for _, v := range e.GetArray("values") {
		if !tree.Is(v, node.TypeObject) || n == schema.MaxExceptions {
			continue
		}
		if n > 0 {
			w.b = append(w.b, ',')
		}
		n++
		w.b = append(w.b, '{')
		w.first = true
		members := v.Members()
		for i := range members {
			c := members[i].Value()
			switch k := members[i].Key(); k {
			case "type":
				w.text("exception.type", "type", c, schema.MaxExceptionType)
			case "value":
				w.text("exception.value", "value", c, schema.MaxExceptionValue)
			case "stacktrace", "raw_stacktrace":
				if c.Type() == node.TypeObject || c.Type() == node.TypeArray {
					w.key(k)
					var inApp []bool
					if n-1 == w.in.Main && k == "stacktrace" {
						inApp = w.in.Event.FramesInApp
					}
					w.stack(c, inApp)
				}
			default:
				w.member("exception", &members[i], 6, 4<<10)
			}
		}
		w.shut('}')
	}
	w.b = append(w.b, ']', '}')
	w.first = false
}

func (w *writer) threads() {
	t := w.in.Attributes.Get(shape.Threads)
	if t == nil {
		return
	}
	w.key("threads")
	w.b = append(w.b, `{"values":[`...)
	n := 0
	for _, v := range t.GetArray("values") {
		if !tree.Is(v, node.TypeObject) || n == maxThreads {
			continue
		}
		if n > 0 {
			w.b = append(w.b, ',')
		}
		n++
		w.b = append(w.b, '{')
		w.first = true
		members := v.Members()
		for i := range members {
			if k := members[i].Key(); k == "stacktrace" || k == "raw_stacktrace" {
				if c := members[i].Value(); c.Type() == node.TypeObject || c.Type() == node.TypeArray {
					w.key(k)
					w.stack(c, nil)
				}
				continue
			}
			w.member("threads", &members[i], 5, 4<<10)
		}
		w.shut('}')
	}
	w.b = append(w.b, ']', '}')
	w.first = false
}

// stack writes {"frames": [...]} without nulls, bounded as a stack is. inApp is
// our decision for each frame written; nil leaves the client's.
func (w *writer) stack(s *node.Value, inApp []bool) {
	w.b = append(w.b, '{')
	w.first = true
	list := Frames(s)
	w.open("frames", '[')
	n := 0
	for i, v := range list {
		if !KeepFrame(i, len(list)) || !tree.Is(v, node.TypeObject) {
			continue
		}
		if n > 0 {
			w.b = append(w.b, ',')
		}
		var ours *bool
		if n < len(inApp) {
			ours = &inApp[n]
		}
		n++
		// The frames next to the crash and the oldest keep all they have.
		slim := len(list) > slimFrames && i >= slimFrames/2 && i < len(list)-slimFrames/2
		w.frame(v, slim, ours)
	}
	w.shut(']')
	if len(list) > schema.MaxFrames {
		w.in.Attributes.Problem("too_many", "stacktrace.frames", "the middle of a stack over 250 frames is left out", nil)
	}
	members := s.Members()
	for i := range members {
		if members[i].Key() != "frames" {
			w.member("stacktrace", &members[i], 5, 8<<10)
		}
	}
	w.shut('}')
}

func (w *writer) frame(v *node.Value, slim bool, ours *bool) {
	w.b = append(w.b, '{')
	w.first = true
	said := false
	members := v.Members()
	for i := range members {
		m := &members[i]
		c := m.Value()
		switch k := m.Key(); k {
		case "function", "raw_function":
			w.text("frame.function", k, c, schema.MaxFunction)
		case "filename", "abs_path":
			w.text("frame.filename", k, c, schema.MaxPath)
		case "module", "package":
			w.text("frame.module", k, c, schema.MaxPath)
		case "context_line":
			w.text("frame.context_line", "context_line", c, maxSource)
		case "pre_context", "post_context":
			if !slim {
				w.source(k, c)
			}
		case "vars":
			if !slim {
				w.member("frame", m, depthVars, maxVars)
			}
		case "in_app":
			theirs := c.Type() == node.TypeTrue
			said = c.Type() != node.TypeNull
			if ours == nil {
				w.member("frame", m, 1, 16)
			} else if said && theirs != *ours {
				w.bool("client_in_app", theirs)
			}
		default:
			w.member("frame", m, 5, 2<<10)
		}
	}
	if ours != nil {
		w.bool("in_app", *ours)
		if !said {
			// Told apart from a client that agrees: other rules may decide otherwise.
			w.key("client_in_app")
			w.b = append(w.b, "null"...)
		}
	}
	w.shut('}')
}

// source writes lines of code, each cut: minified files have lines of megabytes.
func (w *writer) source(k string, v *node.Value) {
	if v.Type() != node.TypeArray {
		return
	}
	w.open(k, '[')
	for i, l := range v.Elements() {
		if i == 50 {
			break
		}
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if len(l.Text()) <= maxSource {
			w.b = tree.AppendText(w.b, l)
			continue
		}
		s, _ := tree.CutChars(l.Text(), maxSource)
		w.b = tree.AppendString(w.b, s)
	}
	w.shut(']')
}

// breadcrumbs keeps the last ones.
func (w *writer) breadcrumbs() {
	b := w.in.Attributes.Get(shape.Breadcrumbs)
	if b == nil {
		return
	}
	list := b.GetArray("values")
	if n := len(list) - schema.MaxBreadcrumbs; n > 0 {
		list = list[n:]
		w.in.Attributes.Problem("too_many", "breadcrumbs", "only the last 100 are kept", nil)
	}
	w.key("breadcrumbs")
	w.b = append(w.b, `{"values":[`...)
	n := 0
	for _, v := range list {
		if !tree.Is(v, node.TypeObject) {
			continue
		}
		if n > 0 {
			w.b = append(w.b, ',')
		}
		n++
		w.crumb(v)
	}
	w.b = append(w.b, ']', '}')
	w.first = false
}

func (w *writer) crumb(v *node.Value) {
	w.b = append(w.b, '{')
	w.first = true
	typ, level := false, false
	members := v.Members()
	for i := range members {
		c := members[i].Value()
		if c.Type() == node.TypeNull {
			continue
		}
		switch members[i].Key() {
		case "type", "ty":
			if !typ {
				typ = true
				w.text("breadcrumbs.type", "type", c, 128)
			}
		case "level":
			s, _ := tree.Scalar(c)
			l, ok := ParseLevel(s)
			if !ok {
				w.in.Attributes.Invalid("breadcrumbs.level", "expected debug, info, warning, error or fatal", c)
				continue
			}
			level = true
			w.str("level", LevelName(l))
		case "timestamp":
			w.time("timestamp", c)
		case "message":
			w.text("breadcrumbs.message", "message", c, schema.MaxMessage)
		case "data":
			w.member("breadcrumbs", &members[i], depthCrumb, maxCrumbData)
		default:
			w.member("breadcrumbs", &members[i], depthCrumb, 1<<10)
		}
	}
	if !typ {
		w.str("type", "default")
	}
	if !level {
		w.str("level", "info")
	}
	w.shut('}')
}

// time writes a timestamp, moved as the event's is.
func (w *writer) time(k string, v *node.Value) {
	us, ok := instant.Value(v)
	if !ok {
		w.in.Attributes.Invalid("breadcrumbs.timestamp", "expected RFC 3339 text or seconds", v)
		return
	}
	w.key(k)
	w.b = append(w.b, '"')
	w.b = instant.Append(w.b, us+w.in.Shift)
	w.b = append(w.b, '"')
}

// Frames returns the frames of a stack, which may be a bare list.
func Frames(stack *node.Value) []*node.Value {
	if stack == nil {
		return nil
	}
	if stack.Type() == node.TypeArray {
		return stack.GetArray()
	}
	return stack.GetArray("frames")
}

// oldestFrames of a stack over MaxFrames are kept; the rest are those nearest
// the crash.
const oldestFrames = 50

// KeepFrame reports whether frame i of n is kept, here and in the columns.
func KeepFrame(i, n int) bool {
	return n <= schema.MaxFrames || i < oldestFrames || i >= n-(schema.MaxFrames-oldestFrames)
}
