package stack

import (
	"strings"

	"errata/schema"
)

const (
	pyHeader      = "Traceback (most recent call last):"
	pyGroupHeader = "Exception Group Traceback (most recent call last):"
	pyCause       = "The above exception was the direct cause of the following exception:"
	pyContext     = "During handling of the above exception, another exception occurred:"

	pyQuotes = `"""`

	// pyMaxDepth bounds nested groups; CPython itself prints ten.
	pyMaxDepth = 32
	// pyMaxRepeats bounds all frames that "[Previous line repeated ...]" makes.
	pyMaxRepeats = 4 * schema.MaxFrames
)

// pyNode is one exception of the tree that a traceback prints.
type pyNode struct {
	exc     schema.Exception
	syntax  string // " (file, line N)" of a SyntaxError block: str() of it has it, its text line has not.
	cause   *pyNode
	members []*pyNode
}

// pyParser walks a traceback. Inside a group every line begins with a margin,
// so a value cannot fake what is around it; outside of one, the place of the
// main exception's line is found by its message first.
type pyParser struct {
	cursor
	mainAt  int // Where the main exception's line starts; -1 where unknown.
	repeats int // Frames that repeats may still make.
}

// python reads CPython's tracebacks: chains, groups, notes, repeated lines,
// SyntaxError blocks and marker lines.
func python(text string, h hint) []schema.Exception {
	p := pyParser{cursor: cursor{text: text}, mainAt: pyMainAt(text, h), repeats: pyMaxRepeats}
	if !p.seek() {
		return nil
	}
	main := p.chain(0)
	if main == nil {
		return nil
	}
	out := pyFlatten(main)
	last := &out[len(out)-1]
	if main.syntax != "" {
		first, _, _ := strings.Cut(last.Value, "\n")
		last.Value = first
	}
	h.settle(last)
	if main.syntax != "" && !strings.HasSuffix(last.Value, main.syntax) {
		last.Value += main.syntax
	}
	return capped(out)
}

// pyMainAt finds where the line of the main exception starts, as its type and
// message give it. It is the last such line that is not indented.
func pyMainAt(text string, h hint) int {
	if h.value == "" {
		return -1
	}
	needle := lastSegment(h.typ) + ": " + h.value
	end := len(text)
	for range 16 {
		i := strings.LastIndex(text[:end], needle)
		if i < 0 {
			return -1
		}
		start := strings.LastIndexByte(text[:i], '\n') + 1
		after := text[i+len(needle):]
		if (after == "" || after[0] == '\n' || after[0] == '\r') && (start == i || pyQualifier(text[start:i])) {
			return start
		}
		end = i + len(needle) - 1
	}
	return -1
}

// pyQualifier says whether s may stand before the last segment of a type.
func pyQualifier(s string) bool {
	return strings.HasSuffix(s, ".") && !strings.ContainsAny(s, " \t|(\"")
}

// seek puts the cursor on the first line of the traceback, after what a log
// line may have put before it.
func (p *pyParser) seek() bool {
	limit := len(p.text)
	if p.mainAt >= 0 {
		limit = p.mainAt
	}
	bare := -1 // A stack without its header.
	for pos := 0; pos >= 0 && pos < limit; {
		line, next := lineAt(p.text, pos)
		switch {
		case line == pyHeader, line == "  + "+pyGroupHeader:
			if !pyJoined(p.text[:pos]) {
				p.pos = pos
			} // Else the first exception was never raised and has no header.
			return true
		case line == pyQuotes && pos == pyRemote(p.text):
			return true
		}
		if bare < 0 && strings.HasPrefix(line, `  File "`) {
			bare = pos
		}
		pos = next
	}
	if bare >= 0 {
		p.pos = bare
		return true
	}
	if p.mainAt >= 0 {
		p.pos = p.mainAt
		return true
	}
	line, _ := lineAt(p.text, 0)
	return strings.HasPrefix(line, "  | ")
}

// pyRemote is where the traceback of another process is quoted: multiprocessing
// makes a cause of it that was never raised.
func pyRemote(text string) int {
	line, next := lineAt(text, 0)
	if strings.HasSuffix(line, "RemoteTraceback: ") {
		return next
	}
	return -1
}

// pyJoined says whether s ends with a joiner.
func pyJoined(s string) bool {
	return strings.HasSuffix(s, "\n\n"+pyCause+"\n\n") || strings.HasSuffix(s, "\n\n"+pyContext+"\n\n")
}

// line is the line at pos without the margin of a group at depth.
func (p *pyParser) line(pos, depth int) (content string, next int, ok bool) {
	raw, next := lineAt(p.text, pos)
	if next < 0 || depth == 0 {
		return raw, next, next >= 0
	}
	if len(raw) <= 2*depth || !blank(raw[:2*depth]) || raw[2*depth] != '|' {
		return "", next, false
	}
	return strings.TrimPrefix(raw[2*depth+1:], " "), next, true
}

// blank says whether s is spaces only.
func blank(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != ' ' {
			return false
		}
	}
	return true
}

// chain reads exceptions that joiners bind, causes first.
func (p *pyParser) chain(depth int) *pyNode {
	var last *pyNode
	for n := 0; ; n++ {
		node := p.one(depth)
		if node == nil {
			return last
		}
		node.cause, last = last, node
		if n >= 2*schema.MaxExceptions {
			node.cause.cause = nil // A chain beyond the cap loses its oldest causes, not the main exception.
			n = 0
		}
		next, ok := p.joiner(p.pos, depth)
		if !ok {
			return last
		}
		p.pos = next
	}
}

// joiner says whether a joiner stands at pos, between two blank lines, and
// where the exception after it starts.
func (p *pyParser) joiner(pos, depth int) (int, bool) {
	if p.mainAt >= 0 && pos > p.mainAt && depth == 0 {
		return 0, false
	}
	first, next, ok := p.line(pos, depth)
	if !ok || first != "" {
		return 0, false
	}
	second, next, ok := p.line(next, depth)
	if !ok || (second != pyCause && second != pyContext) {
		return 0, false
	}
	third, next, ok := p.line(next, depth)
	return next, ok && third == ""
}

// one reads one exception: stack, last line, value, members.
func (p *pyParser) one(depth int) *pyNode {
	node := &pyNode{exc: schema.Exception{Mechanism: noMechanism}}
	raw, next := p.peek()
	if next < 0 {
		return nil
	}
	if depth == 0 && p.pos != p.mainAt {
		if raw == "  + "+pyGroupHeader {
			depth, node.exc.Mechanism.IsGroup, p.pos = 1, true, next
		} else if strings.HasPrefix(raw, "  | ") {
			depth = 1
		}
	}
	if content, next, ok := p.line(p.pos, depth); ok {
		switch content {
		case pyGroupHeader:
			node.exc.Mechanism.IsGroup = true
			fallthrough
		case pyHeader:
			p.pos = next
		}
	}
	p.stack(node, depth)
	found := p.value(node, depth)
	if depth > 0 {
		p.group(node, depth)
	}
	if node.exc.Mechanism.IsGroup {
		node.exc.Value = pyGroupMessage(node.exc.Value)
	}
	if !found && node.exc.Frames == nil && node.members == nil {
		return nil
	}
	return node
}

// stack reads frames up to the line that names the exception.
func (p *pyParser) stack(node *pyNode, depth int) {
	var frames frameList
	fresh := false // The frame at hand has no source line yet.
	for depth > 0 || p.pos != p.mainAt {
		content, next, ok := p.line(p.pos, depth)
		if !ok || content != "" && content[0] != ' ' {
			break
		}
		switch {
		case strings.HasPrefix(content, `  File "`):
			path, line, function, ok := pyFrame(content)
			fresh = ok && function != ""
			switch {
			case fresh && strings.Contains(path, "/sentry_sdk/"), fresh && strings.Contains(path, `\sentry_sdk\`):
				// The SDK hides its own wrappers from its envelope.
				fresh = false
			case fresh:
				frames.add(schema.Frame{Function: function, File: path, AbsPath: path, Line: line})
			case ok:
				base := path[strings.LastIndexAny(path, `/\`)+1:]
				node.syntax = " (" + base + ", line " + digits(line) + ")"
			}
		case strings.HasPrefix(content, "    ") && fresh:
			frames.last().ContextLine = strings.TrimSpace(content)
			fresh = false
		case strings.HasPrefix(content, "  [Previous line repeated "):
			n, _, ok := leadingNumber(content[len("  [Previous line repeated "):])
			last := frames.last()
			if !ok || last == nil {
				break
			}
			f := *last
			for ; n > 0 && p.repeats > 0; n-- {
				frames.add(f)
				p.repeats--
			}
		}
		p.pos = next
	}
	node.exc.Frames = frames.oldestFirst()
}

// pyFrame reads `  File "path", line N, in function`. function is empty in the
// block of a SyntaxError.
func pyFrame(s string) (path string, line uint32, function string, ok bool) {
	s = s[len(`  File "`):]
	i := strings.LastIndex(s, `", line `)
	if i < 0 {
		return "", 0, "", false
	}
	path = s[:i]
	line, rest, ok := leadingNumber(s[i+len(`", line `):])
	if !ok {
		return "", 0, "", false
	}
	function, _ = strings.CutPrefix(rest, ", in ")
	return path, line, strings.TrimSpace(function), true
}

// value reads the line that names the exception and the rest of its value.
func (p *pyParser) value(node *pyNode, depth int) bool {
	first, next, ok := p.line(p.pos, depth)
	if !ok || first == "" {
		return false
	}
	main := depth == 0 && p.pos == p.mainAt
	typ, value, _ := strings.Cut(first, ": ")
	node.exc.Type = strings.TrimSuffix(typ, ":")
	start, valueAt := p.pos, p.pos+len(first)-len(value)
	p.pos = next
	if main {
		// All that follows is the rest of the value, or notes.
		p.pos = len(p.text)
		node.exc.Value = strings.TrimRight(p.text[valueAt:], "\r\n")
		return true
	}
	lines := 0
	if quoted, after, ok := p.line(p.pos, depth); ok && quoted == pyQuotes && strings.HasSuffix(node.exc.Type, "RemoteTraceback") {
		// What is quoted has joiners of its own.
		if end := strings.Index(p.text[after:], "\n"+pyQuotes+"\n"); end >= 0 && depth == 0 {
			p.pos, lines = after+end+1, 1
		}
	}
	for {
		_, next, ok := p.line(p.pos, depth)
		if !ok || depth == 0 && p.pos == p.mainAt {
			break
		}
		if _, joined := p.joiner(p.pos, depth); joined {
			break
		}
		p.pos = next
		lines++
	}
	node.exc.Value = value
	switch {
	case lines == 0:
	case depth == 0:
		node.exc.Value = strings.TrimRight(p.text[valueAt:p.pos], "\r\n")
	default:
		node.exc.Value = p.unmargin(start, p.pos, depth)[len(first)-len(value):]
	}
	return true
}

// unmargin is the text from start to end without margins.
func (p *pyParser) unmargin(start, end, depth int) string {
	var b strings.Builder
	for pos := start; pos < end; {
		content, next, _ := p.line(pos, depth)
		if pos > start {
			b.WriteByte('\n')
		}
		b.WriteString(content)
		pos = next
	}
	return strings.TrimRight(b.String(), "\r\n")
}
