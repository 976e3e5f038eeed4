package stack

import (
	"strings"

	"errata/schema"
)

// php reads Throwable::__toString and getTraceAsString (`#0 file(line): call`,
// innermost exception first, joined by "Next"), and the form of OpenTelemetry's
// SDK, which is Java's with dots for backslashes.
func php(text string, h hint) []schema.Exception {
	if out := phpNative(text, h); hasFrames(out) {
		return out
	}
	root := javaTree(text, h, true)
	if root == nil {
		return nil
	}
	out := javaFlatten(root)
	for i := range out {
		for _, f := range out[i].Frames {
			switch f.File[strings.LastIndexByte(f.File, '.')+1:] {
			case "java", "kt", "scala", "groovy", "clj":
				return nil // A JVM's stack under the wrong name.
			}
		}
		out[i].Mechanism = noMechanism // Sentry's PHP SDK numbers nothing.
		out[i].Type = phpClass(out[i].Type)
	}
	h.settle(&out[len(out)-1])
	return capped(out)
}

// phpClass undoes the dots of OpenTelemetry's formatter.
func phpClass(s string) string { return strings.ReplaceAll(s, ".", `\`) }

// phpDotted turns a frame of Java's form into what Sentry's PHP SDK sends.
func phpDotted(f schema.Frame) schema.Frame {
	switch {
	case f.Module != "":
		f.Function = phpClass(f.Module) + "::" + f.Function
		f.Module = ""
	case f.Function == "{main}":
		f.Function = ""
	}
	return f
}

// phpMainAt finds where the main exception's header and its message start. The
// main exception is printed last; its message may quote headers.
func phpMainAt(text string, h hint) (header, message int) {
	if h.value == "" {
		return -1, -1
	}
	needle := lastSegment(h.typ) + ": " + h.value + " in "
	i := strings.LastIndex(text, needle)
	if i < 0 {
		return -1, -1
	}
	return strings.LastIndexByte(text[:i], '\n') + 1, i + len(needle) - len(h.value) - len(" in ")
}

// phpReader collects the exceptions of a numbered trace. The text names, beside
// each place, the function that was called there; a frame names the function it
// is in, so functions move down by one.
type phpReader struct {
	out     []schema.Exception
	cur     schema.Exception
	frames  frameList
	pending schema.Frame // A place whose function is not known yet.
	have    bool         // There is a pending place.
	traced  bool         // "Stack trace:" was seen.
	settled bool         // The value is complete.
	valueAt int
	total   int
}

// begin starts an exception at its header, whose message begins on this line.
func (r *phpReader) begin(typ, value string, valueAt int) {
	r.cur = schema.Exception{Type: typ, Value: value, Mechanism: noMechanism}
	r.valueAt, r.have, r.traced, r.settled = valueAt, false, false, false
	r.frames = frameList{}
}

// place takes the place where an exception was made off the end of its header.
func (r *phpReader) place(line string) {
	if f, ok := phpPlace(line); ok {
		r.pending, r.have = f, true
		r.cur.Value, _, _ = cutLast(r.cur.Value, " in ")
	}
}

// finish puts the exception at hand away.
func (r *phpReader) finish() {
	if r.have {
		r.pending.Function = ""
		r.frames.add(r.pending) // The outermost place is in no function.
	}
	r.cur.Frames = r.frames.newestFirst()
	r.out = append(r.out, r.cur)
	if len(r.out) > 2*schema.MaxExceptions {
		r.out = append(r.out[:0], r.out[schema.MaxExceptions:]...)
	}
}

// call takes a numbered line.
func (r *phpReader) call(line string) {
	f, called, ok := phpCall(line)
	if !ok {
		return
	}
	r.total++
	if r.have {
		r.pending.Function = called
		r.frames.add(r.pending)
	}
	r.pending, r.have = f, f.File != ""
}

// phpNative reads numbered traces.
func phpNative(text string, h hint) []schema.Exception {
	var r phpReader
	mainAt, message := phpMainAt(text, h)
	first, _ := lineAt(text, 0)
	pos := 0
	switch {
	case phpNumbered(first):
		r.begin("", "", 0)
		r.traced = true
	case mainAt != 0:
		typ, value, end := opening(text, hint{})
		r.begin(typ, value, end-len(value))
		r.place(first)
		_, pos = lineAt(text, end)
	}
	for pos >= 0 && pos < len(text) {
		line, next := lineAt(text, pos)
		switch {
		case pos == mainAt:
			if strings.HasPrefix(line, "Next ") {
				r.finish()
			}
			typ := strings.TrimSuffix(strings.TrimPrefix(text[pos:message], "Next "), ": ")
			if i := strings.LastIndexByte(typ, ' '); i >= 0 {
				typ = typ[i+1:] // "PHP Fatal error:  Uncaught ".
			}
			r.begin(typ, h.value, message)
			end := message + len(h.value)
			line, next = lineAt(text, end)
			r.place(line)
			r.cur.Value, r.settled = h.value, true
		case strings.HasPrefix(line, "Next ") && r.traced && r.total > 0 && (mainAt < 0 || pos < mainAt):
			r.finish()
			typ, value, _ := strings.Cut(line[len("Next "):], ": ")
			r.begin(typ, value, pos+len(line)-len(value))
			r.place(line)
		case line == "Stack trace:":
			r.traced, r.settled = true, true
		case r.traced:
			if phpNumbered(line) {
				r.call(line)
			}
		case line != "" && !r.settled:
			r.cur.Value = strings.TrimRight(text[min(r.valueAt, next):next], "\r\n")
			r.place(line)
		}
		pos = next
	}
	r.finish()
	if r.total == 0 {
		return nil
	}
	h.settle(&r.out[len(r.out)-1])
	return capped(r.out)
}

// phpNumbered says whether line is `#N ...`.
func phpNumbered(line string) bool {
	rest, ok := strings.CutPrefix(line, "#")
	if !ok {
		return false
	}
	_, rest, ok = leadingNumber(rest)
	if !ok {
		return false
	}
	return rest == " {main}" || strings.HasPrefix(rest, " [internal function]: ") ||
		strings.HasPrefix(rest, " ") && strings.Contains(rest, "): ")
}

// phpPlace reads ` in file:line` at the end of a header.
func phpPlace(line string) (schema.Frame, bool) {
	_, place, ok := cutLast(line, " in ")
	if !ok {
		return schema.Frame{}, false
	}
	file, n, ok := cutLast(place, ":")
	if !ok || file == "" {
		return schema.Frame{}, false
	}
	num, ok := number(n)
	return schema.Frame{File: file, AbsPath: file, Line: num}, ok
}

// phpCall reads `#0 file(line): Class->method(args)`. The frame it returns is
// the place alone.
func phpCall(line string) (f schema.Frame, called string, ok bool) {
	_, rest, _ := strings.Cut(line, " ")
	if rest == "{main}" {
		return f, "", true
	}
	place, call, ok := strings.Cut(rest, ": ")
	if !ok {
		return f, "", false
	}
	if place == "[internal function]" {
		f.File, f.AbsPath = "[internal]", "[internal]"
	} else {
		file, n, ok := cutLast(strings.TrimSuffix(place, ")"), "(")
		if !ok {
			return f, "", false
		}
		if f.Line, ok = number(n); !ok {
			return f, "", false
		}
		f.File, f.AbsPath = file, file
	}
	if i := strings.IndexByte(call, '('); i >= 0 {
		call = call[:i]
	}
	return f, strings.Replace(call, "->", "::", 1), true
}
