// Package rust reads backtraces of panics, of std::backtrace and of anyhow.
package rust

import (
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// Parse reads a backtrace: of a panic, of std::backtrace or of anyhow. The
// machinery of a panic at the newest end is left out.
func Parse(text string, h scan.Hint) []schema.Exception {
	exc := schema.Exception{Type: h.Type, Value: h.Value, Mechanism: scan.NoMechanism}
	start := 0
	if h.Value != "" {
		if i := strings.Index(text, h.Value); i >= 0 && ownLine(text, i, i+len(h.Value)) && !strings.Contains(text[:i], "tack backtrace:\n") {
			start = i + len(h.Value)
		}
	} else {
		exc.Value = panicMessage(text)
	}
	if exc.Type == "" && strings.Contains(text, " panicked at ") {
		exc.Type = "panic"
	}
	pos := start
	if i := strings.Index(text[start:], "tack backtrace:"); i >= 0 {
		_, pos = scan.LineAt(text, start+i)
	}
	var frames scan.Frames
	var cur schema.Frame
	open, newest := false, true
	finish := func() {
		if !open {
			return
		}
		open = false
		if newest && panicking(cur.Function) {
			return
		}
		newest = false
		frames.Add(cur)
	}
	for pos >= 0 && pos < len(text) {
		line, next := scan.LineAt(text, pos)
		trimmed := strings.TrimLeft(line, " ")
		if place, ok := strings.CutPrefix(trimmed, "at "); ok && open && cur.File == "" && len(trimmed) < len(line) {
			if file, n, column, ok := scan.Place(place); ok {
				cur.File, cur.AbsPath, cur.Line, cur.Column = file, file, n, column
			}
		} else if name, ok := symbol(trimmed); ok {
			finish()
			cur, open = schema.Frame{Function: name}, true
		}
		pos = next
	}
	finish()
	if exc.Frames = frames.NewestFirst(); len(exc.Frames) == 0 {
		return nil
	}
	return []schema.Exception{exc}
}

// ownLine says whether text[from:to] is lines of its own, or quoted as before
// Rust 1.73.
func ownLine(text string, from, to int) bool {
	before := from == 0 || text[from-1] == '\n' || text[from-1] == '\''
	after := to == len(text) || text[to] == '\n' || text[to] == '\r' || text[to] == '\''
	return before && after
}

// panicMessage is the message of `thread 'x' panicked at file:l:c:` (on the lines
// after it), up to the backtrace.
func panicMessage(text string) string {
	i := strings.Index(text, " panicked at ")
	if i < 0 {
		return ""
	}
	_, next := scan.LineAt(text, i)
	if next < 0 {
		return ""
	}
	value := text[next:]
	if end := strings.Index(value, "\nstack backtrace:"); end >= 0 {
		value = value[:end]
	}
	return strings.TrimRight(value, "\r\n")
}

// symbol reads `12: path::function`, with the address that the full form
// prints and without the hash of the compiler.
func symbol(s string) (string, bool) {
	_, rest, ok := scan.LeadingNumber(s)
	if !ok {
		return "", false
	}
	name, ok := strings.CutPrefix(rest, ": ")
	if !ok {
		return "", false
	}
	name = strings.TrimSpace(name)
	if strings.HasPrefix(name, "0x") {
		if _, after, ok := strings.Cut(name, " - "); ok {
			name = after
		}
	}
	if i := len(name) - len("::h0123456789abcdef"); i > 0 && name[i:i+3] == "::h" && hex(name[i+3:]) {
		name = name[:i]
	}
	return name, name != ""
}

func hex(s string) bool {
	for i := 0; i < len(s); i++ {
		if !(s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f') {
			return false
		}
	}
	return true
}

// panicking says whether a function belongs to raising a panic or to taking
// the backtrace.
func panicking(name string) bool {
	name = strings.TrimPrefix(name, "<")
	for _, p := range []string{
		"rust_begin_unwind", "__rustc::rust_begin_unwind", "core::panicking::", "std::panicking::", "std::panic::", "std::sys", "std::backtrace",
		"backtrace::", "anyhow::error::", "anyhow::kind::", "anyhow::private::", "sentry_", "core::result::unwrap_failed", "core::option::unwrap_failed", "core::option::expect_failed",
	} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// Line says whether only a backtrace of Rust has such a line, without its indent.
func Line(line string) bool { return line == "stack backtrace:" || line == "Stack backtrace:" }
