// Package java reads printStackTrace of the JVM languages.
package java

import (
	"slices"
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// throwable is one throwable of the tree that printStackTrace prints.
type throwable struct {
	exc        schema.Exception
	enclosing  *throwable
	frames     scan.Frames
	more       uint32 // "... N more": frames shared with the enclosing trace.
	valueAt    int    // Where the value starts in the text; its lines may be several.
	settled    bool   // The value is complete: a frame was seen, or the message was known.
	done       bool   // Frames were made from the list.
	cause      *throwable
	suppressed []*throwable
}

// Parse reads printStackTrace of the JVM languages: Caused by (printed outermost
// first, so turned round), Suppressed, circular references and frames left out
// because the enclosing trace has them.
func Parse(text string, h scan.Hint) []schema.Exception {
	out := Chain(text, h, nil)
	if out == nil {
		return nil
	}
	h.Settle(&out[len(out)-1])
	return scan.Capped(out)
}

// Chain reads the tree into a list. turn, where set, makes another language's
// frame of one in Java's form: OpenTelemetry prints PHP's stacks so.
func Chain(text string, h scan.Hint, turn func(schema.Frame) schema.Frame) []schema.Exception {
	root := tree(text, h, turn)
	if root == nil {
		return nil
	}
	return flatten(root)
}

func tree(text string, h scan.Hint, turn func(schema.Frame) schema.Frame) *throwable {
	typ, value, end := scan.Opening(text, h)
	root := &throwable{exc: schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}, valueAt: end - len(value)}
	root.settled = h.Value != "" && value == h.Value
	isPHP := false
	levels := []*throwable{root} // The newest node at each indentation.
	cur, count, frames := root, 1, 0
	_, pos := scan.LineAt(text, end)
	if end < len(text) && text[end] != '\n' && text[end] != '\r' {
		pos = end
	}
	for pos >= 0 && pos < len(text) {
		line, next := scan.LineAt(text, pos)
		trimmed := strings.TrimLeft(line, "\t ")
		tabs := strings.IndexFunc(line, func(r rune) bool { return r != '\t' })
		tabs = min(max(tabs, 0), len(levels))
		switch {
		case strings.HasPrefix(trimmed, "at ") && len(trimmed) < len(line):
			f, ok := Frame(trimmed[3:])
			if !ok {
				cur.extend(text, pos, next)
				break
			}
			if turn != nil {
				f = turn(f)
			}
			isPHP = isPHP || strings.HasSuffix(f.File, ".php")
			cur.settled = true
			cur.frames.Add(f)
			frames++
		case strings.HasPrefix(trimmed, "... ") && len(trimmed) < len(line):
			n, rest, ok := scan.LeadingNumber(trimmed[4:])
			if ok && (rest == " more" || strings.HasPrefix(rest, " common frames omitted")) {
				cur.more, cur.settled = n, true
				break
			}
			cur.extend(text, pos, next)
		case strings.HasPrefix(trimmed, "Caused by: ") && cur.settled && tabs < len(levels):
			if count++; count > schema.MaxExceptions {
				return root
			}
			at := pos + len(line) - len(trimmed) + len("Caused by: ")
			if strings.HasPrefix(text[at:], "[CIRCULAR REFERENCE:") {
				break
			}
			parent := levels[tabs]
			cur, next = child(text, at, next, parent)
			parent.cause = cur
			levels = append(levels[:tabs], cur)
		case strings.HasPrefix(trimmed, "Suppressed: ") && cur.settled && tabs > 0:
			if count++; count > schema.MaxExceptions {
				return root
			}
			at := pos + len(line) - len(trimmed) + len("Suppressed: ")
			if strings.HasPrefix(text[at:], "[CIRCULAR REFERENCE:") {
				break
			}
			parent := levels[tabs-1]
			cur, next = child(text, at, next, parent)
			parent.suppressed = append(parent.suppressed, cur)
			levels = append(levels[:tabs], cur)
		default:
			cur.extend(text, pos, next)
		}
		pos = next
	}
	if frames == 0 || turn == nil && isPHP {
		return nil // No stack, or PHP's under the wrong name.
	}
	return root
}

// extend takes a line before the first frame into the value. Blank ones wait
// for one that is not: each is then looked at once.
func (n *throwable) extend(text string, pos, next int) {
	if !n.settled && next > n.valueAt && text[pos] != '\n' && text[pos] != '\r' {
		n.exc.Value = strings.TrimRight(text[n.valueAt:next], "\r\n")
	}
}

// child starts a node at a caption. A message that repeats the cause, as
// `new RuntimeException(cause)` makes it, says where the cause's message ends.
func child(text string, at, next int, parent *throwable) (*throwable, int) {
	line, _ := scan.LineAt(text, at)
	typ, value, _ := strings.Cut(line, ": ")
	n := &throwable{exc: schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}, enclosing: parent, valueAt: at + len(line) - len(value)}
	if told := parent.exc.Value; strings.Contains(told, "\n") && strings.HasPrefix(text[at:], told) && len(told) > len(line) {
		n.exc.Value = text[n.valueAt : at+len(told)]
		n.settled = true
		if _, after := scan.LineAt(text, at+len(told)); after >= 0 {
			next = after
		}
	}
	return n, next
}

// resolve makes the frames of a node: its own and those it shares with the
// enclosing trace, oldest call first.
func (n *throwable) resolve() []schema.Frame {
	if n.done {
		return n.exc.Frames
	}
	n.done = true
	own := n.frames.NewestFirst()
	n.exc.Frames = own
	if n.more > 0 && n.enclosing != nil {
		shared := n.enclosing.resolve()
		shared = shared[:min(int(n.more), len(shared))]
		var all scan.Frames
		all.Grow(len(shared) + len(own))
		for _, f := range shared {
			all.Add(f)
		}
		for _, f := range own {
			all.Add(f)
		}
		n.exc.Frames = all.OldestFirst()
	}
	return n.exc.Frames
}

// flatten lists the tree as Sentry's Java SDK does: numbered from the main
// throwable, what it suppressed before its cause, then turned round.
func flatten(root *throwable) []schema.Exception {
	var out []schema.Exception
	var walk func(n *throwable, parent int, kind string)
	walk = func(n *throwable, parent int, kind string) {
		for ; n != nil; n = n.cause {
			n.resolve()
			id := len(out)
			n.exc.Mechanism.ID, n.exc.Mechanism.ParentID, n.exc.Mechanism.Type = id, parent, kind
			out = append(out, n.exc)
			for _, s := range n.suppressed {
				walk(s, id, "suppressed")
			}
			parent = id
			if kind == "" {
				kind = "chained"
			}
		}
	}
	walk(root, -1, "")
	if len(out) == 1 {
		out[0].Mechanism = scan.NoMechanism
	}
	slices.Reverse(out)
	return out
}

// Frame reads `[loader/][module@version/]class.method(place)`.
func Frame(s string) (schema.Frame, bool) {
	open := strings.IndexByte(s, '(')
	if open <= 0 || strings.ContainsAny(s[:open], " \t") {
		return schema.Frame{}, false
	}
	closing := strings.IndexByte(s[open:], ')')
	if closing < 0 {
		return schema.Frame{}, false
	}
	name, place := unloaded(s[:open]), s[open+1:open+closing]
	dot := strings.LastIndexByte(name, '.')
	f := schema.Frame{Function: name[dot+1:]}
	if dot > 0 {
		f.Module = name[:dot]
	}
	if f.Function == "" {
		return f, false
	}
	switch place {
	case "Native Method", "Unknown Source", "Redefined", "<generated>":
		return f, true
	}
	file, line, found := strings.Cut(place, ":")
	if strings.ContainsAny(file, " \t/\\,") || file == "" {
		return f, false
	}
	if found {
		n, ok := scan.Number(line)
		if !ok {
			return f, false
		}
		f.Line = n
	} else if file != "SourceFile" && !strings.Contains(file, ".") {
		return f, false
	}
	f.File, f.AbsPath = file, file
	return f, true
}

// unloaded cuts the class loader and the module, which depend on how the
// program was started. A hidden class has a slash of its own.
func unloaded(s string) string {
	for {
		i := strings.IndexByte(s, '/')
		if i < 0 || strings.Contains(s[:i], "$$") {
			return s
		}
		s = s[i+1:]
	}
}
