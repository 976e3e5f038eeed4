// Package document writes events as Sentry-shaped JSON. In: settled values. Out:
// bytes that are JSON whatever the values hold. It decides nothing.
package document

import (
	"cmp"
	"strconv"
	"strings"

	"errata/ingest/node"
	"errata/ingest/otlp/attribute"
	"errata/schema"
)

// AppendTree writes a tree as JSON. The library's own writer spells control
// characters as Go does, which is not JSON.
func AppendTree(b []byte, v *node.Value) []byte {
	switch v.Type() {
	case node.TypeObject:
		b = append(b, '{')
		o, _ := v.Object()
		first := true
		o.Visit(func(k []byte, e *node.Value) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(attribute.AppendString(b, string(k)), ':')
			b = AppendTree(b, e)
		})
		return append(b, '}')
	case node.TypeArray:
		b = append(b, '[')
		for i, e := range v.GetArray() {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendTree(b, e)
		}
		return append(b, ']')
	case node.TypeString:
		s, _ := v.StringBytes()
		return attribute.AppendString(b, string(s))
	case node.TypeNumber:
		return append(b, v.Number()...)
	}
	return append(b, v.Type().String()...) // null, true and false are written as they are called.
}

// Writer appends JSON; empty texts are left out.
type Writer struct {
	B     []byte
	inner bool // Something stands before in the object or array that is open.
}

// Open starts an object or an array: c is { or [.
func (w *Writer) Open(c byte) {
	if w.inner && w.B[len(w.B)-1] != ':' {
		w.B = append(w.B, ',')
	}
	w.B, w.inner = append(w.B, c), false
}

// Close ends what Open started: c is } or ].
func (w *Writer) Close(c byte) { w.B, w.inner = append(w.B, c), true }

// Key writes the name of the next member.
func (w *Writer) Key(k string) {
	if w.inner {
		w.B = append(w.B, ',')
	}
	w.B = append(attribute.AppendString(w.B, k), ':')
	w.inner = true
}

// Text writes a member, unless s is empty.
func (w *Writer) Text(k, s string) {
	if s != "" {
		w.Key(k)
		w.B = attribute.AppendString(w.B, s)
	}
}

// Number writes a member that is a number.
func (w *Writer) Number(k string, n int) {
	w.Key(k)
	w.B = strconv.AppendInt(w.B, int64(n), 10)
}

// Boolean writes a member that is true or false.
func (w *Writer) Boolean(k string, v bool) {
	w.Key(k)
	w.B = strconv.AppendBool(w.B, v)
}

// Object writes a member that is an object; fill writes what is in it.
func (w *Writer) Object(k string, fill func()) {
	w.Key(k)
	w.Open('{')
	fill()
	w.Close('}')
}

// maxPairs bounds one set of attributes in a payload, in bytes.
const maxPairs = 64 << 10

// Pairs writes attributes but those with a prefix.
func (w *Writer) Pairs(k string, ts []*schema.Tag, without string) {
	if len(ts) == 0 {
		return
	}
	w.Object(k, func() {
		end := len(w.B) + maxPairs
		for _, t := range ts {
			if len(w.B) > end {
				break
			}
			if without == "" || !strings.HasPrefix(t.Key, without) {
				w.Text(t.Key, t.Value)
			}
		}
	})
}

// Exception writes an exception as an element of a list. inApp is our decision
// for each of its frames, nil where there is none.
func (w *Writer) Exception(e *schema.Exception, inApp []bool) {
	w.Open('{')
	w.Text("type", e.Type)
	w.Text("value", e.Value)
	w.Text("module", e.Module)
	if m := &e.Mechanism; m.Type != "" || m.ID >= 0 || m.IsGroup {
		w.Object("mechanism", func() {
			w.Text("type", cmp.Or(m.Type, "chained"))
			if m.Handled != schema.Handled_HANDLED_UNKNOWN {
				w.Boolean("handled", m.Handled == schema.Handled_HANDLED_YES)
			}
			if m.ID >= 0 {
				w.Number("exception_id", m.ID)
			}
			if m.ParentID >= 0 {
				w.Number("parent_id", m.ParentID)
			}
			if m.IsGroup {
				w.Boolean("is_exception_group", true)
			}
			w.Text("source", m.Source)
		})
	}
	if len(e.Frames) > 0 {
		w.Object("stacktrace", func() {
			w.Key("frames")
			w.Open('[')
			for i := range e.Frames {
				var ours *bool
				if i < len(inApp) {
					ours = &inApp[i]
				}
				w.frame(&e.Frames[i], ours)
			}
			w.Close(']')
		})
	}
	w.Close('}')
}

func (w *Writer) frame(f *schema.Frame, ours *bool) {
	w.Open('{')
	w.Text("function", f.Function)
	w.Text("raw_function", f.RawFunction)
	w.Text("module", f.Module)
	w.Text("filename", f.File)
	w.Text("abs_path", f.AbsPath)
	w.Text("package", f.Package)
	w.Text("platform", f.Platform)
	w.Text("context_line", f.ContextLine)
	if f.Line > 0 {
		w.Number("lineno", int(f.Line))
	}
	if f.Column > 0 {
		w.Number("colno", int(f.Column))
	}
	theirs := f.InApp == schema.InAppYes
	switch {
	case ours != nil:
		w.Boolean("in_app", *ours)
		if f.InApp != schema.InAppUnknown && theirs != *ours {
			w.Boolean("client_in_app", theirs)
		}
	case f.InApp != schema.InAppUnknown:
		w.Boolean("in_app", theirs)
	}
	w.Close('}')
}
