// Package javascript reads the stacks of V8 (Node, Chrome), Firefox and Safari.
package javascript

import (
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

const (
	anonymous = "?" // As Sentry's SDKs name a function without a name.

	// maxIndent tells V8's places (four spaces, two more for each cause) from
	// those of a Rust backtrace.
	maxIndent = 12
)

// Parse reads Error.stack of V8, Firefox and Safari, and what Node's
// inspect adds to it of causes. A stack alone has no causes.
func Parse(text string, h scan.Hint) []schema.Exception {
	typ, value, pos := scan.Opening(text, h)
	known := h.Value != "" && value == h.Value
	cur := schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}
	var out []schema.Exception
	var frames scan.Frames
	valueAt, headed := pos-len(value), false
	if first, _ := scan.LineAt(text, 0); !known {
		// Firefox and Safari print no header.
		if _, ok := GeckoFrame(strings.TrimSpace(first)); ok {
			cur.Type, cur.Value, pos, headed = "", "", 0, true
		}
	}
	finish := func() {
		cur.Frames = frames.NewestFirst()
		out = append(out, cur)
		frames = scan.Frames{}
	}
	if pos > 0 {
		if _, pos = scan.LineAt(text, pos); pos < 0 {
			pos = len(text)
		}
	}
	for pos < len(text) && len(out) < schema.MaxExceptions {
		line, next := scan.LineAt(text, pos)
		trimmed := strings.TrimLeft(line, " \t")
		if cause, ok := strings.CutPrefix(trimmed, "[cause]: "); ok && !frames.Empty() && len(trimmed) < len(line) {
			finish()
			typ, value, _ := strings.Cut(cause, ": ")
			cur = schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}
			valueAt, known = pos+len(line)-len(value), false
		} else if f, ok := frame(line, trimmed); ok {
			frames.Add(f)
			headed = true
		} else if line != "" && frames.Empty() && !known && !headed {
			cur.Value = strings.TrimRight(text[valueAt:next], "\r\n")
		}
		pos = next
	}
	finish()
	if !scan.HasFrames(out) {
		return nil
	}
	return scan.Chained(out, h)
}

// frame reads a line of either engine.
func frame(line, trimmed string) (schema.Frame, bool) {
	if rest, ok := strings.CutPrefix(trimmed, "at "); ok && len(trimmed) < len(line) {
		if len(line)-len(trimmed) > maxIndent {
			return schema.Frame{}, false
		}
		return V8Frame(strings.TrimSuffix(strings.TrimRight(rest, " "), " {"))
	}
	if len(trimmed) < len(line) {
		return schema.Frame{}, false
	}
	return GeckoFrame(strings.TrimRight(trimmed, " "))
}

// V8Frame reads `[async ][new ]fn [as x] (place)` or a place alone.
func V8Frame(s string) (schema.Frame, bool) {
	s = strings.TrimPrefix(s, "async ")
	function, place := "", s
	if i := strings.Index(s, " ("); i > 0 && strings.HasSuffix(s, ")") {
		function, place = s[:i], s[i+2:len(s)-1]
	} else if strings.HasSuffix(s, ")") || strings.HasPrefix(s, "(") {
		return schema.Frame{}, false
	}
	f := schema.Frame{Function: plain(function)}
	place = strings.TrimPrefix(place, "address at ")
	if strings.HasPrefix(place, "eval at ") {
		// The place in the file that called eval, as browsers' SDKs report it.
		if place = evalOrigin(place); place == "" {
			return f, false
		}
	}
	switch {
	case place == "<anonymous>", place == "native", strings.HasPrefix(place, "index "):
		f.File, f.AbsPath = place, place
		return f, function != ""
	}
	file, line, column, ok := scan.Place(place)
	if !ok || file == "" || function == "" && strings.Contains(file, " ") && !strings.Contains(file, "/") {
		return f, false
	}
	f.File, f.AbsPath, f.Line, f.Column = file, file, line, column
	return f, true
}

// plain spells a function as Sentry's Node SDK does.
func plain(s string) string {
	if s == "" || s == "<anonymous>" {
		return anonymous
	}
	if owner, ok := strings.CutSuffix(s, ".<anonymous>"); ok {
		return owner + "." + anonymous
	}
	return s
}

// evalOrigin cuts the innermost `(file:line:column)` out of a chain of evals.
func evalOrigin(s string) string {
	open := strings.LastIndexByte(s, '(')
	if open < 0 {
		return ""
	}
	closing := strings.IndexByte(s[open:], ')')
	if closing < 0 {
		return ""
	}
	return s[open+1 : open+closing]
}

// GeckoFrame reads `fn@place` of Firefox and Safari.
func GeckoFrame(s string) (schema.Frame, bool) {
	function, place, ok := strings.Cut(s, "@")
	if !ok || place == "" || strings.Contains(place, " ") && place != "[native code]" && !strings.Contains(place, " > ") {
		return schema.Frame{}, false
	}
	if i := strings.LastIndexByte(function, '*'); i >= 0 {
		function = function[i+1:] // async*fn, setTimeout handler*fn.
	}
	if strings.HasPrefix(function, "/") || strings.ContainsAny(function, " \t\"'") && !strings.HasSuffix(function, " code") {
		return schema.Frame{}, false
	}
	f := schema.Frame{Function: plain(function)}
	if place == "[native code]" {
		f.File, f.AbsPath = place, place
		return f, true
	}
	if before, after, ok0 := strings.Cut(place, " line "); ok0 {
		// `file line 5 > eval:1:1`: the place that called eval.
		n, _, ok := scan.LeadingNumber(after)
		f.File, f.AbsPath, f.Line = before, before, n
		return f, ok
	}
	file, line, column, ok := scan.Place(place)
	if !ok || !strings.ContainsAny(file, "/\\") && !strings.Contains(file, ".js") && !strings.Contains(file, "bundle") {
		return f, false
	}
	f.File, f.AbsPath, f.Line, f.Column = file, file, line, column
	return f, true
}
