package stack

import (
	"strings"

	"errata/schema"
)

// golang reads what the Go runtime prints for a panic, runtime.Stack with its
// goroutine header, and the form of pkg/errors (function, then an indented
// place). Of a dump of many goroutines the first counts: it is the one that
// failed. Frames of the runtime, of panic and of the recording SDK are left
// out; a deferred handler stays, as Sentry's SDK sends it.
func golang(text string, h hint) []schema.Exception {
	exc := schema.Exception{Type: h.typ, Value: h.value, Mechanism: noMechanism}
	start := 0
	if h.value != "" {
		if i := strings.Index(text, h.value); i >= 0 && (i == 0 || strings.HasSuffix(text[:i], ": ")) && goBeforeStack(text[:i]) {
			start = i + len(h.value)
		}
	}
	if exc.Value == "" {
		exc.Value = goPanicValue(text)
		if exc.Type == "" && exc.Value != "" {
			exc.Type = "panic"
		}
	}
	pos := start
	if at := goFindHeader(text, start); at >= 0 {
		_, pos = lineAt(text, at)
	} else if pos > 0 {
		_, pos = lineAt(text, pos)
	}
	var frames frameList
	newest := true // No frame of the program yet.
	for pos >= 0 && pos < len(text) {
		line, next := lineAt(text, pos)
		if line == "" && len(frames.kept) > 0 || goHeader(line) {
			break // The next goroutine.
		}
		place, after := lineAt(text, next)
		file, number, ok := goPlace(place)
		if next < 0 || !ok || line == "" || line[0] == '\t' || line[0] == ' ' {
			pos = next
			continue
		}
		pos = after
		if strings.HasPrefix(line, "created by ") {
			continue
		}
		module, function := goName(line)
		if goHidden(module, function, newest) {
			continue
		}
		newest = false
		frames.add(schema.Frame{Module: module, Function: function, File: file, AbsPath: file, Line: number})
	}
	if exc.Frames = frames.newestFirst(); len(exc.Frames) == 0 {
		return nil
	}
	return []schema.Exception{exc}
}

// goBeforeStack says whether s can stand before a message: nothing of a stack
// is in it.
func goBeforeStack(s string) bool {
	return !strings.Contains(s, "\ngoroutine ") && !strings.HasPrefix(s, "goroutine ")
}

// goFindHeader finds `goroutine N [state]:` at the start of a line.
func goFindHeader(text string, pos int) int {
	for pos >= 0 && pos < len(text) {
		line, next := lineAt(text, pos)
		if goHeader(line) {
			return pos
		}
		pos = next
	}
	return -1
}

// goHeader says whether line is `goroutine 1 [running]:` or its longer form
// with gp=, m= and mp=.
func goHeader(line string) bool {
	rest, ok := strings.CutPrefix(line, "goroutine ")
	if !ok {
		return false
	}
	_, rest, ok = leadingNumber(rest)
	return ok && strings.HasPrefix(rest, " ") && strings.HasSuffix(rest, "]:") && strings.Contains(rest, "[")
}

// goPanicValue is what was thrown: the first line of `panic: value`, without
// the marks of a recovered panic.
func goPanicValue(text string) string {
	line, _ := lineAt(text, 0)
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

// goPlace reads `\tfile:line +0x1f`.
func goPlace(line string) (file string, n uint32, ok bool) {
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
	n, ok = number(rest[i+1:])
	return rest[:i], n, ok
}

// goName splits a symbol into package and function and cuts arguments. The
// package ends at the first dot after the last slash that is not in a type
// argument.
func goName(line string) (module, function string) {
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

// goHidden says whether a frame is the runtime's, or at the newest end, the
// recording SDK's.
func goHidden(module, function string, newest bool) bool {
	switch {
	case module == "runtime", module == "runtime/debug":
		return true
	case module == "" && (function == "panic" || function == "main.panic"):
		return true
	}
	return newest && (strings.HasPrefix(module, "go.opentelemetry.io/otel/") || strings.HasPrefix(module, "github.com/getsentry/sentry-go"))
}
