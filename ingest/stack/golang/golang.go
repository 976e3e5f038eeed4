// Package golang reads what the Go runtime prints of goroutines, and the form of
// pkg/errors.
package golang

import (
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// Parse reads what the Go runtime prints for a panic, runtime.Stack with its
// goroutine header, and the form of pkg/errors (function, then an indented
// place). Of a dump of many goroutines the first counts: it is the one that
// failed. Frames of the runtime, of panic and of the recording SDK are left
// out; a deferred handler stays, as Sentry's SDK sends it.
func Parse(text string, h scan.Hint) []schema.Exception {
	exc := schema.Exception{Type: h.Type, Value: h.Value, Mechanism: scan.NoMechanism}
	start := 0
	if h.Value != "" {
		if i := strings.Index(text, h.Value); i >= 0 && (i == 0 || strings.HasSuffix(text[:i], ": ")) && beforeStack(text[:i]) {
			start = i + len(h.Value)
		}
	}
	if exc.Value == "" {
		exc.Value = panicValue(text)
		if exc.Type == "" && exc.Value != "" {
			exc.Type = "panic"
		}
	}
	pos := start
	if at := findHeader(text, start); at >= 0 {
		_, pos = scan.LineAt(text, at)
	} else if pos > 0 {
		_, pos = scan.LineAt(text, pos)
	}
	var frames scan.Frames
	newest := true // No frame of the program yet.
	for pos >= 0 && pos < len(text) {
		line, next := scan.LineAt(text, pos)
		if line == "" && !frames.Empty() || header(line) {
			break // The next goroutine.
		}
		at, after := scan.LineAt(text, next)
		file, n, ok := place(at)
		if next < 0 || !ok || line == "" || line[0] == '\t' || line[0] == ' ' {
			pos = next
			continue
		}
		pos = after
		if strings.HasPrefix(line, "created by ") {
			continue
		}
		module, function := name(line)
		if hidden(module, function, newest) {
			continue
		}
		newest = false
		frames.Add(schema.Frame{Module: module, Function: function, File: file, AbsPath: file, Line: n})
	}
	if exc.Frames = frames.NewestFirst(); len(exc.Frames) == 0 {
		return nil
	}
	return []schema.Exception{exc}
}

// beforeStack says whether s can stand before a message: nothing of a stack
// is in it.
func beforeStack(s string) bool {
	return !strings.Contains(s, "\ngoroutine ") && !strings.HasPrefix(s, "goroutine ")
}

// findHeader finds `goroutine N [state]:` at the start of a line.
func findHeader(text string, pos int) int {
	for pos >= 0 && pos < len(text) {
		line, next := scan.LineAt(text, pos)
		if header(line) {
			return pos
		}
		pos = next
	}
	return -1
}

// header says whether line is `goroutine 1 [running]:` or its longer form
// with gp=, m= and mp=.
func header(line string) bool {
	rest, ok := strings.CutPrefix(line, "goroutine ")
	if !ok {
		return false
	}
	_, rest, ok = scan.LeadingNumber(rest)
	return ok && strings.HasPrefix(rest, " ") && strings.HasSuffix(rest, "]:") && strings.Contains(rest, "[")
}

// panicValue is what was thrown: the first line of `panic: value`, without
// the marks of a recovered panic.
func panicValue(text string) string {
	line, _ := scan.LineAt(text, 0)
	value, ok := strings.CutPrefix(line, "panic: ")
	if !ok {
		value, ok = strings.CutPrefix(line, "fatal error: ")
	}
	if !ok {
		return ""
	}
	if i := strings.LastIndex(value, " [recovered"); i >= 0 {
		value = value[:i]
	}
	return value
}

// place reads `\tfile:line +0x1f`.
func place(line string) (file string, n uint32, ok bool) {
	rest, ok := strings.CutPrefix(line, "\t")
	if !ok {
		return "", 0, false
	}
	if i := strings.LastIndex(rest, " +0x"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.Index(rest, " fp=0x"); i >= 0 {
		rest = rest[:i]
	}
	i := strings.LastIndexByte(rest, ':')
	if i <= 0 {
		return "", 0, false
	}
	n, ok = scan.Number(rest[i+1:])
	return rest[:i], n, ok
}

// name splits a symbol into package and function and cuts arguments. The
// package ends at the first dot after the last slash that is not in a type
// argument.
func name(line string) (module, function string) {
	name := line
	if strings.HasSuffix(name, ")") {
		if i := strings.LastIndexByte(name, '('); i > 0 {
			name = name[:i]
		}
	}
	end := len(name)
	if i := strings.IndexByte(name, '['); i >= 0 {
		end = i
	}
	slash := strings.LastIndexByte(name[:end], '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return "", name
	}
	return strings.ReplaceAll(name[:slash+dot], "%2e", "."), name[slash+dot+1:]
}

// hidden says whether a frame is the runtime's, or at the newest end, the
// recording SDK's.
func hidden(module, function string, newest bool) bool {
	switch {
	case module == "runtime", module == "runtime/debug":
		return true
	case module == "" && (function == "panic" || function == "main.panic"):
		return true
	}
	return newest && (strings.HasPrefix(module, "go.opentelemetry.io/otel/") || strings.HasPrefix(module, "github.com/getsentry/sentry-go"))
}

// Line says whether only a stack of Go has such a line.
func Line(line string) bool {
	if header(line) {
		return true
	}
	if line == "" || line[0] != '\t' || !strings.Contains(line, ".go:") {
		return false
	}
	_, _, ok := place(line)
	return ok
}
