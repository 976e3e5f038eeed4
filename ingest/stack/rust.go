package stack

import (
	"strings"

	"errata/schema"
)

// rust reads a backtrace: of a panic, of std::backtrace or of anyhow. The
// machinery of a panic at the newest end is left out.
func rust(text string, h hint) []schema.Exception {
	exc := schema.Exception{Type: h.typ, Value: h.value, Mechanism: noMechanism}
	start := 0
	if h.value != "" {
		if i := strings.Index(text, h.value); i >= 0 && rustOwnLine(text, i, i+len(h.value)) && !strings.Contains(text[:i], "tack backtrace:\n") {
			start = i + len(h.value)
		}
	} else {
		exc.Value = rustPanic(text)
	}
	if exc.Type == "" && strings.Contains(text, " panicked at ") {
		exc.Type = "panic"
	}
	pos := start
	if i := strings.Index(text[start:], "tack backtrace:"); i >= 0 {
		_, pos = lineAt(text, start+i)
	}
	var frames frameList
	var cur schema.Frame
	open, newest := false, true
	finish := func() {
		if !open {
			return
		}
		open = false
		if newest && rustPanicking(cur.Function) {
			return
		}
		newest = false
		frames.add(cur)
	}
	for pos >= 0 && pos < len(text) {
		line, next := lineAt(text, pos)
		trimmed := strings.TrimLeft(line, " ")
		if place, ok := strings.CutPrefix(trimmed, "at "); ok && open && cur.File == "" && len(trimmed) < len(line) {
			if file, n, column, ok := jsPlace(place); ok {
				cur.File, cur.AbsPath, cur.Line, cur.Column = file, file, n, column
			}
		} else if name, ok := rustSymbol(trimmed); ok {
			finish()
			cur, open = schema.Frame{Function: name}, true
		}
		pos = next
	}
	finish()
	if exc.Frames = frames.newestFirst(); len(exc.Frames) == 0 {
		return nil
	}
	return []schema.Exception{exc}
}

// rustOwnLine says whether text[from:to] is lines of its own, or quoted as before
// Rust 1.73.
func rustOwnLine(text string, from, to int) bool {
	before := from == 0 || text[from-1] == '\n' || text[from-1] == '\''
	after := to == len(text) || text[to] == '\n' || text[to] == '\r' || text[to] == '\''
	return before && after
}

// rustPanic is the message of `thread 'x' panicked at file:l:c:` (on the lines
// after it), up to the backtrace.
func rustPanic(text string) string {
	i := strings.Index(text, " panicked at ")
	if i < 0 {
		return ""
	}
	_, next := lineAt(text, i)
	if next < 0 {
		return ""
	}
	value := text[next:]
	if end := strings.Index(value, "\nstack backtrace:"); end >= 0 {
		value = value[:end]
	}
	return strings.TrimRight(value, "\r\n")
}

// rustSymbol reads `12: path::function`, with the address that the full form
// prints and without the hash of the compiler.
func rustSymbol(s string) (string, bool) {
	_, rest, ok := leadingNumber(s)
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

// rustPanicking says whether a function belongs to raising a panic or to taking
// the backtrace.
func rustPanicking(name string) bool {
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
