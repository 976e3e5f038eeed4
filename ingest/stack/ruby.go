package stack

import (
	"slices"
	"strings"

	"errata/schema"
)

// ruby reads Exception#full_message (main exception first, causes after it,
// newest call first) and a plain backtrace.
func ruby(text string, h hint) []schema.Exception {
	var out []schema.Exception
	cur := schema.Exception{Mechanism: noMechanism}
	var frames frameList
	total := 0
	finish := func() {
		cur.Frames = frames.newestFirst()
		frames = frameList{}
		out = append(out, cur)
	}
	for pos := 0; pos >= 0 && pos < len(text) && len(out) < schema.MaxExceptions; {
		line, next := lineAt(text, pos)
		trimmed := strings.TrimLeft(line, " \t")
		if called, ok := strings.CutPrefix(trimmed, "from "); ok && len(trimmed) < len(line) {
			if f, _, ok := rubyHead(called); ok {
				frames.add(f)
				total++
			}
		} else if f, rest, ok := rubyHead(line); ok && (rest == "" || strings.HasPrefix(rest, ": ")) {
			// A head: the place, the message and the class. A place alone is a
			// line of a plain backtrace.
			if rest != "" && total > 0 {
				finish()
				cur = schema.Exception{Mechanism: noMechanism}
			}
			frames.add(f)
			total++
			if rest != "" {
				var end int
				cur.Type, cur.Value, end = rubyMessage(text, pos+len(line)-len(rest)+2, h, len(out) == 0)
				if end > pos {
					_, next = lineAt(text, end)
				}
			}
		}
		pos = next
	}
	finish()
	if total == 0 {
		return nil
	}
	h.settle(&out[0])
	if len(out) > 1 {
		for i := range out {
			out[i].Mechanism.ID, out[i].Mechanism.ParentID = i, i-1
			if i > 0 {
				out[i].Mechanism.Type, out[i].Mechanism.Source = "chained", "cause"
			}
		}
	}
	slices.Reverse(out)
	return capped(out)
}

// rubyMessage reads `message (Class)` at pos. The first line of a message of
// several carries the class. It returns where the message ends.
func rubyMessage(text string, pos int, h hint, main bool) (typ, value string, end int) {
	line, _ := lineAt(text, pos)
	end = pos + len(line)
	if main && h.value != "" {
		first, _, many := strings.Cut(h.value, "\n")
		typ, value = rubyClass(line)
		if many && value == first && strings.HasPrefix(text[min(end+1, len(text)):], h.value[len(first)+1:]) {
			return typ, h.value, end + len(h.value) - len(first)
		}
		if value == h.value {
			return typ, value, end
		}
	}
	typ, value = rubyClass(line)
	if typ == "" && (!main || h.value == "" || h.value == line) && line != "" && line[0] >= 'A' && line[0] <= 'Z' && rubyConstant(line) {
		return line, "", end // Without a message the class stands alone.
	}
	return typ, value, end
}

// rubyClass cuts ` (Class)` off the end of a message.
func rubyClass(s string) (typ, value string) {
	if !strings.HasSuffix(s, ")") {
		return "", s
	}
	i := strings.LastIndex(s, " (")
	if i < 0 {
		return "", s
	}
	typ = s[i+2 : len(s)-1]
	if typ == "" || typ[0] < 'A' || typ[0] > 'Z' || strings.ContainsAny(typ, " \t(") {
		return "", s
	}
	return typ, s[:i]
}

// rubyFrame reads a whole line of a backtrace.
func rubyFrame(s string) (schema.Frame, bool) {
	s = strings.TrimPrefix(s, "from ")
	f, rest, ok := rubyHead(s)
	return f, ok && (rest == "" || strings.HasPrefix(rest, ": "))
}

// rubyHead reads "file:line:in `method'" (also with the quotes and the class of
// Ruby 3.4) and returns what follows.
func rubyHead(s string) (f schema.Frame, rest string, ok bool) {
	at := strings.Index(s, ":in ")
	if at <= 0 || at+5 > len(s) || s[at+4] != '`' && s[at+4] != '\'' {
		return f, "", false
	}
	file, line, ok := cutLast(s[:at], ":")
	if !ok || file == "" || file[0] == ' ' || file[0] == '\t' {
		return f, "", false
	}
	n, ok := number(line)
	if !ok {
		return f, "", false
	}
	name := s[at+5:]
	before, after, ok := strings.Cut(name, "'")
	if !ok {
		return f, "", false
	}
	rest = after
	f = schema.Frame{Function: before, File: file, AbsPath: file, Line: n}
	if i := strings.LastIndexAny(f.Function, "#."); i > 0 && rubyConstant(f.Function[:i]) {
		f.Module, f.Function = f.Function[:i], f.Function[i+1:]
	}
	return f, rest, true
}

// rubyConstant says whether s is a class or module name.
func rubyConstant(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c >= 0x80) {
			return false
		}
	}
	return s != ""
}
