// Package scan has what the readers of stack traces of all languages need: what
// the attributes beside a text say, its lines, numbers and places, a bounded list
// of frames, and the opening `Type: message`.
package scan

import (
	"strings"

	"errata/schema"
)

// Parser reads the text of one language. It returns nil where the text is not of
// its language.
type Parser func(text string, h Hint) []schema.Exception

// Hint is what exception.type and exception.message say of the main exception;
// both may be empty.
type Hint struct {
	Type  string
	Value string
}

// NoMechanism is the mechanism of an exception of which nothing is known.
var NoMechanism = schema.Mechanism{ID: -1, ParentID: -1}

// DotnetInner stands between an exception of .NET and its inner one; a message
// may end there, in the middle of a line.
const DotnetInner = " ---> "

// LastSegment is what follows the last separator of a type's name: both
// protocols and both OTel signals agree on it, and on nothing before it.
func LastSegment(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		switch name[i] {
		case '.', '$', '\\', '/':
			return name[i+1:]
		case ':':
			if i > 0 && name[i-1] == ':' {
				return name[i+1:]
			}
		}
	}
	return name
}

// Settle makes the main exception agree with the attributes: the longer of two
// spellings of one type, and the attributes' own words where the text names
// another type or none.
func (h Hint) Settle(e *schema.Exception) {
	switch {
	case h.Type == "":
	case e.Type == "":
		e.Type = h.Type
		if e.Value == "" {
			e.Value = h.Value
		}
	case LastSegment(e.Type) == LastSegment(h.Type):
		if len(h.Type) > len(e.Type) {
			e.Type = h.Type
		}
	default:
		e.Type = h.Type
		if h.Value != "" {
			e.Value = h.Value
		}
	}
	// What follows the message in the text is notes, not value.
	if h.Value != "" && len(e.Value) > len(h.Value) && strings.HasPrefix(e.Value, h.Value) && e.Value[len(h.Value)] == '\n' {
		e.Value = h.Value
	}
}

// HasFrames says whether an exception of the list has a frame.
func HasFrames(list []schema.Exception) bool {
	for i := range list {
		if len(list[i].Frames) > 0 {
			return true
		}
	}
	return false
}

// Opening finds where the message of the main exception ends in a text that
// begins with `Type: message`, and where it begins. With an unknown or a
// different message, end is where the first line does.
func Opening(text string, h Hint) (typ, value string, end int) {
	start := 0
	for start < len(text) && (text[start] == '\n' || text[start] == '\r') {
		start++
	}
	line, next := LineAt(text, start)
	if next < 0 {
		return "", "", len(text)
	}
	for _, prefix := range []string{"Uncaught ", "Unhandled exception. ", "PHP Fatal error:  Uncaught ", "Fatal error: Uncaught "} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			line, start = rest, start+len(prefix)
		}
	}
	if rest, ok := strings.CutPrefix(line, `Exception in thread "`); ok {
		if _, after, ok := strings.Cut(rest, `" `); ok {
			start += len(line) - len(after)
			line = after
		}
	}
	typ, value, _ = strings.Cut(line, ": ")
	end = start + len(line)
	if h.Value == "" {
		return typ, value, end
	}
	first, _, _ := strings.Cut(h.Value, "\n")
	first = strings.TrimSuffix(first, "\r")
	for i := 0; i <= len(line); {
		j := strings.Index(line[i:], first)
		if j < 0 {
			break
		}
		i += j
		to := start + i + len(h.Value)
		if (i == 0 || strings.HasSuffix(line[:i], ": ")) && strings.HasPrefix(text[start+i:], h.Value) &&
			(to == len(text) || text[to] == '\n' || text[to] == '\r' || strings.HasPrefix(text[to:], DotnetInner)) {
			return strings.TrimSuffix(line[:i], ": "), h.Value, to
		}
		if i++; i > 512 {
			break // A type's name is not that long.
		}
	}
	return typ, value, end
}
