// Package python reads CPython's tracebacks: chains, groups, notes, repeated
// lines, SyntaxError blocks and marker lines.
package python

import (
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// What CPython prints between and above exceptions.
const (
	Header      = "Traceback (most recent call last):"
	GroupHeader = "Exception Group Traceback (most recent call last):"
	Cause       = "The above exception was the direct cause of the following exception:"
	Context     = "During handling of the above exception, another exception occurred:"

	quotes = `"""`

	// maxDepth bounds nested groups; CPython itself prints ten.
	maxDepth = 32
	// maxRepeats bounds all frames that "[Previous line repeated ...]" makes.
	maxRepeats = 4 * schema.MaxFrames
)

// raised is one exception of the tree that a traceback prints.
type raised struct {
	exc     schema.Exception
	syntax  string // " (file, line N)" of a SyntaxError block: str() of it has it, its text line has not.
	cause   *raised
	members []*raised
}

// cursor walks a text line by line without copying it.
type cursor struct {
	text string
	pos  int
}

// peek is the line at the cursor without its end, and where the next one
// starts. At the end of the text next is -1.
func (c *cursor) peek() (line string, next int) {
	return scan.LineAt(c.text, c.pos)
}

// reader walks a traceback. Inside a group every line begins with a margin,
// so a value cannot fake what is around it; outside of one, the place of the
// main exception's line is found by its message first.
type reader struct {
	cursor
	mainAt  int // Where the main exception's line starts; -1 where unknown.
	repeats int // Frames that repeats may still make.
}

// Parse reads CPython's tracebacks: chains, groups, notes, repeated lines,
// SyntaxError blocks and marker lines.
func Parse(text string, h scan.Hint) []schema.Exception {
	p := reader{cursor: cursor{text: text}, mainAt: mainAt(text, h), repeats: maxRepeats}
	if !p.seek() {
		return nil
	}
	main := p.chain(0)
	if main == nil {
		return nil
	}
	out := flatten(main)
	last := &out[len(out)-1]
	if main.syntax != "" {
		first, _, _ := strings.Cut(last.Value, "\n")
		last.Value = first
	}
	h.Settle(last)
	if main.syntax != "" && !strings.HasSuffix(last.Value, main.syntax) {
		last.Value += main.syntax
	}
	return scan.Capped(out)
}

// mainAt finds where the line of the main exception starts, as its type and
// message give it. It is the last such line that is not indented.
func mainAt(text string, h scan.Hint) int {
	if h.Value == "" {
		return -1
	}
	needle := scan.LastSegment(h.Type) + ": " + h.Value
	end := len(text)
	for range 16 {
		i := strings.LastIndex(text[:end], needle)
		if i < 0 {
			return -1
		}
		start := strings.LastIndexByte(text[:i], '\n') + 1
		after := text[i+len(needle):]
		if (after == "" || after[0] == '\n' || after[0] == '\r') && (start == i || qualifier(text[start:i])) {
			return start
		}
		end = i + len(needle) - 1
	}
	return -1
}

// qualifier says whether s may stand before the last segment of a type.
func qualifier(s string) bool {
	return strings.HasSuffix(s, ".") && !strings.ContainsAny(s, " \t|(\"")
}

// seek puts the cursor on the first line of the traceback, after what a log
// line may have put before it.
func (p *reader) seek() bool {
	limit := len(p.text)
	if p.mainAt >= 0 {
		limit = p.mainAt
	}
	bare := -1 // A stack without its header.
	for pos := 0; pos >= 0 && pos < limit; {
		line, next := scan.LineAt(p.text, pos)
		switch {
		case line == Header, line == "  + "+GroupHeader:
			if !joined(p.text[:pos]) {
				p.pos = pos
			} // Else the first exception was never raised and has no header.
			return true
		case line == quotes && pos == remote(p.text):
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
	line, _ := scan.LineAt(p.text, 0)
	return strings.HasPrefix(line, "  | ")
}

// remote is where the traceback of another process is quoted: multiprocessing
// makes a cause of it that was never raised.
func remote(text string) int {
	line, next := scan.LineAt(text, 0)
	if strings.HasSuffix(line, "RemoteTraceback: ") {
		return next
	}
	return -1
}

// joined says whether s ends with a joiner.
func joined(s string) bool {
	return strings.HasSuffix(s, "\n\n"+Cause+"\n\n") || strings.HasSuffix(s, "\n\n"+Context+"\n\n")
}

// line is the line at pos without the margin of a group at depth.
func (p *reader) line(pos, depth int) (content string, next int, ok bool) {
	raw, next := scan.LineAt(p.text, pos)
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
func (p *reader) chain(depth int) *raised {
	var last *raised
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
func (p *reader) joiner(pos, depth int) (int, bool) {
	if p.mainAt >= 0 && pos > p.mainAt && depth == 0 {
		return 0, false
	}
	first, next, ok := p.line(pos, depth)
	if !ok || first != "" {
		return 0, false
	}
	second, next, ok := p.line(next, depth)
	if !ok || (second != Cause && second != Context) {
		return 0, false
	}
	third, next, ok := p.line(next, depth)
	return next, ok && third == ""
}

// one reads one exception: stack, last line, value, members.
func (p *reader) one(depth int) *raised {
	node := &raised{exc: schema.Exception{Mechanism: scan.NoMechanism}}
	raw, next := p.peek()
	if next < 0 {
		return nil
	}
	if depth == 0 && p.pos != p.mainAt {
		if raw == "  + "+GroupHeader {
			depth, node.exc.Mechanism.IsGroup, p.pos = 1, true, next
		} else if strings.HasPrefix(raw, "  | ") {
			depth = 1
		}
	}
	if content, next, ok := p.line(p.pos, depth); ok {
		switch content {
		case GroupHeader:
			node.exc.Mechanism.IsGroup = true
			fallthrough
		case Header:
			p.pos = next
		}
	}
	p.stack(node, depth)
	found := p.value(node, depth)
	if depth > 0 {
		p.group(node, depth)
	}
	if node.exc.Mechanism.IsGroup {
		node.exc.Value = groupMessage(node.exc.Value)
	}
	if !found && node.exc.Frames == nil && node.members == nil {
		return nil
	}
	return node
}

// stack reads frames up to the line that names the exception.
func (p *reader) stack(node *raised, depth int) {
	var frames scan.Frames
	fresh := false // The frame at hand has no source line yet.
	for depth > 0 || p.pos != p.mainAt {
		content, next, ok := p.line(p.pos, depth)
		if !ok || content != "" && content[0] != ' ' {
			break
		}
		switch {
		case strings.HasPrefix(content, `  File "`):
			path, line, function, ok := frame(content)
			fresh = ok && function != ""
			switch {
			case fresh && strings.Contains(path, "/sentry_sdk/"), fresh && strings.Contains(path, `\sentry_sdk\`):
				// The SDK hides its own wrappers from its envelope.
				fresh = false
			case fresh:
				frames.Add(schema.Frame{Function: function, File: path, AbsPath: path, Line: line})
			case ok:
				base := path[strings.LastIndexAny(path, `/\`)+1:]
				node.syntax = " (" + base + ", line " + scan.Digits(line) + ")"
			}
		case strings.HasPrefix(content, "    ") && fresh:
			frames.Last().ContextLine = strings.TrimSpace(content)
			fresh = false
		case strings.HasPrefix(content, "  [Previous line repeated "):
			n, _, ok := scan.LeadingNumber(content[len("  [Previous line repeated "):])
			last := frames.Last()
			if !ok || last == nil {
				break
			}
			f := *last
			for ; n > 0 && p.repeats > 0; n-- {
				frames.Add(f)
				p.repeats--
			}
		}
		p.pos = next
	}
	node.exc.Frames = frames.OldestFirst()
}

// frame reads `  File "path", line N, in function`. function is empty in the
// block of a SyntaxError.
func frame(s string) (path string, line uint32, function string, ok bool) {
	s = s[len(`  File "`):]
	i := strings.LastIndex(s, `", line `)
	if i < 0 {
		return "", 0, "", false
	}
	path = s[:i]
	line, rest, ok := scan.LeadingNumber(s[i+len(`", line `):])
	if !ok {
		return "", 0, "", false
	}
	function, _ = strings.CutPrefix(rest, ", in ")
	return path, line, strings.TrimSpace(function), true
}

// value reads the line that names the exception and the rest of its value.
func (p *reader) value(node *raised, depth int) bool {
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
	if quoted, after, ok := p.line(p.pos, depth); ok && quoted == quotes && strings.HasSuffix(node.exc.Type, "RemoteTraceback") {
		// What is quoted has joiners of its own.
		if end := strings.Index(p.text[after:], "\n"+quotes+"\n"); end >= 0 && depth == 0 {
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
func (p *reader) unmargin(start, end, depth int) string {
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

// Line says whether only a traceback of Python has such a line.
func Line(line string) bool {
	return line == Header || line == "  + "+GroupHeader || strings.HasPrefix(line, `  File "`) && strings.Contains(line, `", line `)
}
