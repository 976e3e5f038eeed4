// Package dotnet reads Exception.ToString of .NET.
package dotnet

import (
	"strconv"
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// thrown is one exception of the chain that Exception.ToString prints:
// headers outermost first, then stacks innermost first.
type thrown struct {
	exc      schema.Exception
	frames   scan.Frames
	valueAt  int
	settled  bool // A frame or an inner header was seen: the value is complete.
	parent   int
	source   string
	children int
}

const endInner = "--- End of inner exception stack trace ---"

// Parse reads Exception.ToString: inner exceptions, the members of an
// AggregateException, and the joints of asynchronous calls.
func Parse(text string, h scan.Hint) []schema.Exception {
	typ, value, end := scan.Opening(text, h)
	typ, _, _ = strings.Cut(typ, " (") // SocketException (111).
	if own, _, ok := strings.Cut(value, scan.DotnetInner); ok && value != h.Value {
		// .NET Framework prints inner exceptions on the same line.
		end -= len(value) - len(own)
		value = own
	}
	nodes := []*thrown{{exc: schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}, valueAt: end - len(value), parent: -1}}
	root := nodes[0]
	known := h.Value != "" && value == h.Value
	open := []int{0} // Nodes whose stack is still to come, innermost last.
	frames := 0
	pos := end
	if end < len(text) && (text[end] == '\n' || text[end] == '\r') {
		_, pos = scan.LineAt(text, end)
	}
	for pos >= 0 && pos < len(text) {
		line, next := scan.LineAt(text, pos)
		trimmed := strings.TrimSpace(line)
		top := nodes[open[len(open)-1]]
		rest, isFrame := strings.CutPrefix(trimmed, "at ")
		isFrame = isFrame && strings.HasPrefix(line, "   at ")
		switch {
		case isFrame:
			closed := strings.HasSuffix(rest, "<---")
			f, ok := Frame(strings.TrimSuffix(rest, "<---"))
			if !ok {
				break
			}
			top.settled = true
			top.frames.Add(f)
			frames++
			if closed && len(open) > 1 {
				open = open[:len(open)-1]
			}
		case strings.HasPrefix(line, scan.DotnetInner):
			if len(nodes) >= schema.MaxExceptions {
				break
			}
			parent := open[len(open)-1]
			if strings.HasPrefix(trimmed, "---> (Inner Exception #") {
				parent = 0 // Members of an aggregate are printed after its stack.
				open = open[:1]
			}
			if i := strings.Index(line[len(scan.DotnetInner):], scan.DotnetInner); i >= 0 {
				line = line[:len(scan.DotnetInner)+i]
				next = pos + len(line)
			}
			nodes = append(nodes, child(text, pos, line, parent, nodes[parent]))
			open = append(open, len(nodes)-1)
		case trimmed == endInner:
			top.settled = true
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		case strings.HasPrefix(trimmed, "--- End of stack trace from previous location"):
			top.settled = true
		case line != "" && !top.settled && !(top == root && known):
			top.exc.Value = strings.TrimRight(text[top.valueAt:next], "\r\n")
		}
		pos = next
	}
	if frames == 0 {
		return nil
	}
	out := make([]schema.Exception, len(nodes))
	for i, n := range nodes {
		n.exc.Frames = n.frames.NewestFirst()
		if len(nodes) > 1 {
			n.exc.Mechanism.ID, n.exc.Mechanism.ParentID, n.exc.Mechanism.Source = i, n.parent, n.source
			if i > 0 {
				n.exc.Mechanism.Type = "chained"
			}
		}
		out[len(nodes)-1-i] = n.exc
	}
	h.Settle(&out[len(out)-1])
	return scan.Capped(out)
}

// child starts an inner exception. The first member of an aggregate is
// printed as its inner exception, the others with their number.
func child(text string, pos int, line string, parent int, of *thrown) *thrown {
	of.settled = true
	head := strings.TrimPrefix(strings.TrimSpace(line), "---> ")
	source := "InnerException"
	if rest, ok := strings.CutPrefix(head, "(Inner Exception #"); ok {
		if n, after, ok := scan.LeadingNumber(rest); ok && strings.HasPrefix(after, ") ") {
			head, source = after[2:], "InnerExceptions["+scan.Digits(n)+"]"
		}
	}
	if scan.LastSegment(of.exc.Type) == "AggregateException" {
		of.exc.Mechanism.IsGroup = true
		if source == "InnerException" {
			source = "InnerExceptions[" + strconv.Itoa(of.children) + "]"
		}
	}
	of.children++
	typ, value, _ := strings.Cut(head, ": ")
	typ, _, _ = strings.Cut(typ, " (")
	return &thrown{exc: schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}, valueAt: pos + len(strings.TrimRight(line, " \t")) - len(value), parent: parent, source: source}
}

// Frame reads `Ns.Class.Method[T](Args) in file:line N`.
func Frame(s string) (schema.Frame, bool) {
	name, place := s, ""
	if i := strings.LastIndex(s, ") in "); i >= 0 {
		name, place = s[:i+1], s[i+len(") in "):]
	}
	if i := strings.LastIndex(name, ") + 0x"); i >= 0 {
		name = name[:i+1]
	}
	open := strings.IndexByte(name, '(')
	if open <= 0 || !strings.HasSuffix(strings.TrimRight(name, " "), ")") {
		return schema.Frame{}, false
	}
	name = strings.TrimRight(name[:open], " ")
	if i := strings.IndexByte(name, '['); i > 0 {
		// Generic arguments of the method; those of a class stay in its name.
		if strings.HasSuffix(name, "]") && !strings.Contains(name[i:], ".") {
			name = name[:i]
		}
	}
	if name == "" || strings.ContainsAny(name, " \t") {
		return schema.Frame{}, false
	}
	var f schema.Frame
	f.Module, f.Function = qualified(name)
	if file, line, ok := scan.CutLast(place, ":line "); ok {
		f.File, f.AbsPath = file, file
		f.Line, _ = scan.Number(strings.TrimRight(line, ". "))
	}
	return f, f.Function != ""
}

// qualified splits a name and undoes what the compiler makes of asynchronous
// methods and lambdas, as Sentry's SDK does.
func qualified(name string) (module, function string) {
	dot := strings.LastIndexByte(strings.TrimSuffix(strings.TrimSuffix(name, ".ctor"), ".cctor"), '.')
	if strings.HasSuffix(name, ".ctor") || strings.HasSuffix(name, ".cctor") {
		dot = strings.LastIndexByte(name, '.') - 1
	}
	if dot <= 0 {
		return "", strings.TrimPrefix(name, ".")
	}
	module, function = name[:dot], name[dot+1:]
	if i := strings.LastIndex(module, ".<"); function == "MoveNext" && i >= 0 {
		if method, rest, ok := strings.Cut(module[i+2:], ">d__"); ok && method != "" {
			if _, after, ok := scan.LeadingNumber(rest); ok && (after == "" || after[0] == '`' || after[0] == '[') {
				return module[:i], method
			}
		}
	}
	if method, rest, ok := strings.Cut(function, ">b__"); ok && strings.HasPrefix(method, "<") && rest != "" {
		return strings.TrimSuffix(module, ".<>c"), method[1:] + " { <lambda> }"
	}
	return module, function
}
