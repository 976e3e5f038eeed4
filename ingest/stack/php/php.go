// Package php reads numbered traces, and those that OpenTelemetry's SDK prints in
// Java's form.
package php

import (
	"strings"

	"errata/ingest/stack/java"
	"errata/ingest/stack/scan"
	"errata/schema"
)

// Parse reads Throwable::__toString and getTraceAsString (`#0 file(line): call`,
// innermost exception first, joined by "Next"), and the form of OpenTelemetry's
// SDK, which is Java's with dots for backslashes.
func Parse(text string, h scan.Hint) []schema.Exception {
	if out := native(text, h); scan.HasFrames(out) {
		return out
	}
	out := java.Chain(text, h, dotted)
	if out == nil {
		return nil
	}
	for i := range out {
		for _, f := range out[i].Frames {
			switch f.File[strings.LastIndexByte(f.File, '.')+1:] {
			case "java", "kt", "scala", "groovy", "clj":
				return nil // A JVM's stack under the wrong name.
			}
		}
		out[i].Mechanism = scan.NoMechanism // Sentry's PHP SDK numbers nothing.
		out[i].Type = class(out[i].Type)
	}
	h.Settle(&out[len(out)-1])
	return scan.Capped(out)
}

// class undoes the dots of OpenTelemetry's formatter.
func class(s string) string { return strings.ReplaceAll(s, ".", `\`) }

// dotted turns a frame of Java's form into what Sentry's PHP SDK sends.
func dotted(f schema.Frame) schema.Frame {
	switch {
	case f.Module != "":
		f.Function = class(f.Module) + "::" + f.Function
		f.Module = ""
	case f.Function == "{main}":
		f.Function = ""
	}
	return f
}

// mainAt finds where the main exception's header and its message start. The
// main exception is printed last; its message may quote headers.
func mainAt(text string, h scan.Hint) (header, message int) {
	if h.Value == "" {
		return -1, -1
	}
	needle := scan.LastSegment(h.Type) + ": " + h.Value + " in "
	i := strings.LastIndex(text, needle)
	if i < 0 {
		return -1, -1
	}
	return strings.LastIndexByte(text[:i], '\n') + 1, i + len(needle) - len(h.Value) - len(" in ")
}

// reader collects the exceptions of a numbered trace. The text names, beside
// each place, the function that was called there; a frame names the function it
// is in, so functions move down by one.
type reader struct {
	out     []schema.Exception
	cur     schema.Exception
	frames  scan.Frames
	pending schema.Frame // A place whose function is not known yet.
	have    bool         // There is a pending place.
	traced  bool         // "Stack trace:" was seen.
	settled bool         // The value is complete.
	valueAt int
	total   int
}

// begin starts an exception at its header, whose message begins on this line.
func (r *reader) begin(typ, value string, valueAt int) {
	r.cur = schema.Exception{Type: typ, Value: value, Mechanism: scan.NoMechanism}
	r.valueAt, r.have, r.traced, r.settled = valueAt, false, false, false
	r.frames = scan.Frames{}
}

// place takes the place where an exception was made off the end of its header.
func (r *reader) place(line string) {
	if f, ok := place(line); ok {
		r.pending, r.have = f, true
		r.cur.Value, _, _ = scan.CutLast(r.cur.Value, " in ")
	}
}

// finish puts the exception at hand away.
func (r *reader) finish() {
	if r.have {
		r.pending.Function = ""
		r.frames.Add(r.pending) // The outermost place is in no function.
	}
	r.cur.Frames = r.frames.NewestFirst()
	r.out = append(r.out, r.cur)
	if len(r.out) > 2*schema.MaxExceptions {
		r.out = append(r.out[:0], r.out[schema.MaxExceptions:]...)
	}
}

// call takes a numbered line.
func (r *reader) call(line string) {
	f, called, ok := call(line)
	if !ok {
		return
	}
	r.total++
	if r.have {
		r.pending.Function = called
		r.frames.Add(r.pending)
	}
	r.pending, r.have = f, f.File != ""
}

// native reads numbered traces.
func native(text string, h scan.Hint) []schema.Exception {
	var r reader
	mainAt, message := mainAt(text, h)
	first, _ := scan.LineAt(text, 0)
	pos := 0
	switch {
	case Line(first):
		r.begin("", "", 0)
		r.traced = true
	case mainAt != 0:
		typ, value, end := scan.Opening(text, scan.Hint{})
		r.begin(typ, value, end-len(value))
		r.place(first)
		_, pos = scan.LineAt(text, end)
	}
	for pos >= 0 && pos < len(text) {
		line, next := scan.LineAt(text, pos)
		switch {
		case pos == mainAt:
			if strings.HasPrefix(line, "Next ") {
				r.finish()
			}
			typ := strings.TrimSuffix(strings.TrimPrefix(text[pos:message], "Next "), ": ")
			if i := strings.LastIndexByte(typ, ' '); i >= 0 {
				typ = typ[i+1:] // "PHP Fatal error:  Uncaught ".
			}
			r.begin(typ, h.Value, message)
			end := message + len(h.Value)
			line, next = scan.LineAt(text, end)
			r.place(line)
			r.cur.Value, r.settled = h.Value, true
		case strings.HasPrefix(line, "Next ") && r.traced && r.total > 0 && (mainAt < 0 || pos < mainAt):
			r.finish()
			typ, value, _ := strings.Cut(line[len("Next "):], ": ")
			r.begin(typ, value, pos+len(line)-len(value))
			r.place(line)
		case line == "Stack trace:":
			r.traced, r.settled = true, true
		case r.traced:
			if Line(line) {
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
	h.Settle(&r.out[len(r.out)-1])
	return scan.Capped(r.out)
}

// Line says whether line is `#N ...`.
func Line(line string) bool {
	rest, ok := strings.CutPrefix(line, "#")
	if !ok {
		return false
	}
	_, rest, ok = scan.LeadingNumber(rest)
	if !ok {
		return false
	}
	return rest == " {main}" || strings.HasPrefix(rest, " [internal function]: ") ||
		strings.HasPrefix(rest, " ") && strings.Contains(rest, "): ")
}

// place reads ` in file:line` at the end of a header.
func place(line string) (schema.Frame, bool) {
	_, place, ok := scan.CutLast(line, " in ")
	if !ok {
		return schema.Frame{}, false
	}
	file, n, ok := scan.CutLast(place, ":")
	if !ok || file == "" {
		return schema.Frame{}, false
	}
	num, ok := scan.Number(n)
	return schema.Frame{File: file, AbsPath: file, Line: num}, ok
}

// call reads `#0 file(line): Class->method(args)`. The frame it returns is
// the place alone.
func call(line string) (f schema.Frame, called string, ok bool) {
	_, rest, _ := strings.Cut(line, " ")
	if rest == "{main}" {
		return f, "", true
	}
	call, internal := strings.CutPrefix(rest, "[internal function]: ")
	if internal {
		f.File, f.AbsPath = "[internal]", "[internal]"
	} else {
		// The file of evaluated code is `/a.php(12) : eval()'d code`.
		place, after, ok := strings.Cut(rest, "): ")
		if !ok {
			return f, "", false
		}
		call = after
		file, n, ok := scan.CutLast(place, "(")
		if !ok {
			return f, "", false
		}
		if f.Line, ok = scan.Number(n); !ok {
			return f, "", false
		}
		f.File, f.AbsPath = file, file
	}
	if i := strings.IndexByte(call, '('); i >= 0 {
		call = call[:i]
	}
	return f, strings.Replace(call, "->", "::", 1), true
}
