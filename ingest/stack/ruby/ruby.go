// Package ruby reads Exception#full_message and plain backtraces.
package ruby

import (
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// Parse reads Exception#full_message (main exception first, causes after it,
// newest call first) and a plain backtrace.
func Parse(text string, h scan.Hint) []schema.Exception {
	var out []schema.Exception
	cur := schema.Exception{Mechanism: scan.NoMechanism}
	var frames scan.Frames
	total := 0
	finish := func() {
		cur.Frames = frames.NewestFirst()
		frames = scan.Frames{}
		out = append(out, cur)
	}
	for pos := 0; pos >= 0 && pos < len(text) && len(out) < schema.MaxExceptions; {
		line, next := scan.LineAt(text, pos)
		trimmed := strings.TrimLeft(line, " \t")
		if called, ok := strings.CutPrefix(trimmed, "from "); ok && len(trimmed) < len(line) {
			if f, _, ok := head(called); ok {
				frames.Add(f)
				total++
			}
		} else if f, rest, ok := head(line); ok && (rest == "" || strings.HasPrefix(rest, ": ")) {
			// A head: the place, the message and the class. A place alone is a
			// line of a plain backtrace.
			if rest != "" && total > 0 {
				finish()
				cur = schema.Exception{Mechanism: scan.NoMechanism}
			}
			frames.Add(f)
			total++
			if rest != "" {
				var end int
				cur.Type, cur.Value, end = message(text, pos+len(line)-len(rest)+2, h, len(out) == 0)
				if end > pos {
					_, next = scan.LineAt(text, end)
				}
			}
		}
		pos = next
	}
	finish()
	if total == 0 {
		return nil
	}
	return scan.Chained(out, h)
}

// message reads `message (Class)` at pos. The first line of a message of
// several carries the class. It returns where the message ends.
func message(text string, pos int, h scan.Hint, main bool) (typ, value string, end int) {
	line, _ := scan.LineAt(text, pos)
	end = pos + len(line)
	if main && h.Value != "" {
		first, _, many := strings.Cut(h.Value, "\n")
		typ, value = class(line)
		if many && value == first && strings.HasPrefix(text[min(end+1, len(text)):], h.Value[len(first)+1:]) {
			return typ, h.Value, end + len(h.Value) - len(first)
		}
		if value == h.Value {
			return typ, value, end
		}
	}
	typ, value = class(line)
	if typ == "" && (!main || h.Value == "" || h.Value == line) && line != "" && line[0] >= 'A' && line[0] <= 'Z' && constant(line) {
		return line, "", end // Without a message the class stands alone.
	}
	return typ, value, end
}

// class cuts ` (Class)` off the end of a message.
func class(s string) (typ, value string) {
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

// Frame reads a whole line of a backtrace.
func Frame(s string) (schema.Frame, bool) {
	s = strings.TrimPrefix(s, "from ")
	f, rest, ok := head(s)
	return f, ok && (rest == "" || strings.HasPrefix(rest, ": "))
}

// head reads "file:line:in `method'" (also with the quotes and the class of
// Ruby 3.4) and returns what follows.
func head(s string) (f schema.Frame, rest string, ok bool) {
	at := strings.Index(s, ":in ")
	if at <= 0 || at+5 > len(s) || s[at+4] != '`' && s[at+4] != '\'' {
		return f, "", false
	}
	file, line, ok := scan.CutLast(s[:at], ":")
	if !ok || file == "" || file[0] == ' ' || file[0] == '\t' {
		return f, "", false
	}
	n, ok := scan.Number(line)
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
	if i := strings.LastIndexAny(f.Function, "#."); i > 0 && constant(f.Function[:i]) {
		f.Module, f.Function = f.Function[:i], f.Function[i+1:]
	}
	return f, rest, true
}

// constant says whether s is a class or module name.
func constant(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c >= 0x80) {
			return false
		}
	}
	return s != ""
}
