package event

import (
	"net/url"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/payload"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// exceptions fills the chain that grouping sees.
func (r *reader) exceptions() {
	place := -1
	for _, v := range r.f.Get(shape.Exception).GetArray("values") {
		if !tree.Is(v, node.TypeObject) {
			continue
		}
		place++
		if len(r.group.Exceptions) == schema.MaxExceptions {
			r.f.Problem("too_many", "exception", "only the first 50 exceptions are kept", nil)
			return
		}
		e := schema.Exception{Mechanism: schema.Mechanism{ID: -1, ParentID: -1}}
		members := v.Members()
		for i := range members {
			c := members[i].Value()
			switch members[i].Key() {
			case "type":
				e.Type, _ = tree.CutChars(tree.Lenient(c), schema.MaxExceptionType)
			case "value":
				e.Value, _ = tree.CutChars(tree.Lenient(c), schema.MaxExceptionValue)
			case "module":
				e.Module = name(c)
			case "stacktrace":
				e.Frames = r.readFrames(c)
			case "mechanism":
				readMechanism(&e.Mechanism, c)
			}
		}
		if e.Type == "" {
			e.Type, e.Value = splitValue(e.Value)
		}
		if e.Type == "" && e.Value == "" && len(e.Frames) == 0 {
			continue
		}
		r.group.Exceptions = append(r.group.Exceptions, e)
		r.order = append(r.order, place)
	}
}

// splitValue cuts "Type: value" of an exception without a type.
func splitValue(s string) (typ, value string) {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z') {
		i++
	}
	if i == 0 || i == len(s) || s[i] != ':' || i > schema.MaxExceptionType {
		return "", s
	}
	return s[:i], strings.TrimLeft(s[i+1:], " ")
}

func readMechanism(m *schema.Mechanism, v *node.Value) {
	switch v.Type() {
	case node.TypeString:
		m.Type = name(v)
		return
	case node.TypeObject:
	default:
		return
	}
	members := v.Members()
	for i := range members {
		c := members[i].Value()
		switch members[i].Key() {
		case "type":
			m.Type = name(c)
		case "handled":
			switch c.Type() {
			case node.TypeTrue:
				m.Handled = schema.Handled_HANDLED_YES
			case node.TypeFalse:
				m.Handled = schema.Handled_HANDLED_NO
			}
		case "synthetic":
			m.Synthetic = c.Type() == node.TypeTrue
		case "is_exception_group":
			m.IsGroup = c.Type() == node.TypeTrue
		case "source":
			m.Source = name(c)
		case "exception_id":
			m.ID = id(c)
		case "parent_id":
			m.ParentID = id(c)
		case "meta":
			if ns := c.Get("ns_error"); tree.Is(ns, node.TypeObject) {
				m.NSErrorCode = tree.Get(ns, "domain") + ":" + tree.Lenient(ns.Get("code"))
			}
		}
	}
}

func id(v *node.Value) int {
	if n, ok := tree.Uint(v); ok && n < 1<<31 {
		return int(n)
	}
	return -1
}

// readFrames returns the frames of {"frames": [...]}, nulls left out, bounded
// as a stack is: the calls nearest the crash and the oldest ones.
func (r *reader) readFrames(stack *node.Value) []schema.Frame {
	list := payload.Frames(stack)
	if len(list) == 0 {
		return nil
	}
	start := len(r.frames)
	for i, v := range list {
		if payload.KeepFrame(i, len(list)) && tree.Is(v, node.TypeObject) {
			r.frames = append(r.frames, readFrame(v))
		}
	}
	return r.frames[start:len(r.frames):len(r.frames)]
}

func readFrame(v *node.Value) schema.Frame {
	var f schema.Frame
	members := v.Members()
	for i := range members {
		c := members[i].Value()
		switch members[i].Key() {
		case "function":
			if f.Function = name(c); f.Function == "?" {
				f.Function = ""
			}
		case "raw_function":
			f.RawFunction = name(c)
		case "module":
			f.Module = name(c)
		case "filename":
			f.File = tree.Cut(tree.Text(c), maxPath)
		case "abs_path":
			f.AbsPath = tree.Cut(tree.Text(c), maxPath)
		case "package":
			f.Package = name(c)
		case "platform":
			f.Platform = name(c)
		case "context_line":
			f.ContextLine = tree.Cut(tree.Text(c), maxPath)
		case "lineno":
			f.Line = line(c)
		case "colno":
			f.Column = line(c)
		case "in_app":
			switch c.Type() {
			case node.TypeTrue:
				f.InApp = schema.InAppYes
			case node.TypeFalse:
				f.InApp = schema.InAppNo
			}
		}
	}
	if f.AbsPath == "" {
		f.AbsPath = f.File
	}
	if f.File == "" {
		f.File = f.AbsPath
	}
	if strings.Contains(f.File, "://") {
		if u, err := url.Parse(f.File); err == nil && u.Path != "" && u.Path != "/" {
			f.File = u.Path
		}
	}
	return f
}

// maxPath bounds a path or line in columns and grouping, in bytes.
const maxPath = 1 << 10

// name returns a text, cut to what a column of names holds.
func name(v *node.Value) string { return tree.Cut(tree.Text(v), schema.MaxFunction) }

func line(v *node.Value) uint32 {
	if n, ok := tree.Uint(v); ok && n < 1<<32 {
		return uint32(n)
	}
	return 0
}

// stacks fills the stack that counts where there is no exception: of the
// crashed, the current or the only thread, or the event's own.
func (r *reader) stacks() {
	values := r.f.Get(shape.Threads).GetArray("values")
	t := deciding(values)
	if t != nil {
		r.group.Stack = r.readFrames(t.Get("stacktrace"))
	}
	if len(r.group.Stack) == 0 {
		r.group.Stack = r.readFrames(r.f.Get(shape.Stacktrace))
	}
	// A crashed thread's stack belongs to the one exception without its own.
	if n := len(r.group.Exceptions); n == 1 && t != nil && tree.Is(t.Get("crashed"), node.TypeTrue) && len(r.group.Exceptions[0].Frames) == 0 && len(r.group.Stack) > 0 {
		r.group.Exceptions[0].Frames = r.group.Stack
	}
}

// deciding returns the one crashed thread, else the one current, else the only.
func deciding(threads []*node.Value) *node.Value {
	for _, flag := range []string{"crashed", "current"} {
		var found *node.Value
		n := 0
		for _, t := range threads {
			if tree.Is(t.Get(flag), node.TypeTrue) {
				found = t
				n++
			}
		}
		if n == 1 {
			return found
		}
	}
	if len(threads) == 1 {
		return threads[0]
	}
	return nil
}
