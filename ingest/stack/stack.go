// Package stack reads text stack traces into exceptions, one file a language.
// In: the text of exception.stacktrace. Out: the chain in Sentry's order
// (innermost cause first, frames oldest call first). It never fails: text that
// it cannot read gives an exception without frames. Its work is linear in the
// text, its output bounded by schema.MaxFrames and schema.MaxExceptions, and
// it never decides what is in-app.
package stack

import (
	"strings"

	"errata/schema"
)

// MaxBytes is how much of a text is read; the middle of a longer one is cut.
const MaxBytes = 256 << 10

// parser reads the text of one language. hint carries what the attributes say
// of the main exception. It returns nil where the text is not of its language.
type parser func(text string, hint hint) []schema.Exception

// hint is what exception.type and exception.message say; both may be empty.
type hint struct {
	typ   string
	value string
}

// Parse reads text. language is telemetry.sdk.language or a platform name, or
// empty to guess. typ and value are exception.type and exception.message of the
// main exception, used to cut the value from the text; they may be empty. The
// result has at least one member, and its last one is the main exception.
func Parse(language, text, typ, value string) []schema.Exception {
	h := hint{typ: typ, value: value}
	text = bound(text)
	if strings.TrimSpace(text) != "" {
		if out := dispatch(language, text, h); len(out) > 0 {
			return out
		}
	}
	return []schema.Exception{{Type: typ, Value: value, Mechanism: noMechanism}}
}

// noMechanism is the mechanism of an exception of which nothing is known.
var noMechanism = schema.Mechanism{ID: -1, ParentID: -1}

// bound cuts the middle out of a text beyond MaxBytes, at line ends: the main
// exception is at one end of it in every language.
func bound(text string) string {
	if len(text) <= MaxBytes {
		return text
	}
	head, tail := text[:MaxBytes/2], text[len(text)-MaxBytes/2+1:]
	if i := strings.LastIndexByte(head, '\n'); i > 0 {
		head = head[:i]
	}
	if i := strings.IndexByte(tail, '\n'); i >= 0 && i < len(tail)-1 {
		tail = tail[i+1:]
	}
	return head + "\n" + tail
}

// lastSegment is what follows the last separator of a type's name: both
// protocols and both OTel signals agree on it, and on nothing before it.
func lastSegment(name string) string {
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

// settle makes the main exception agree with the attributes: the longer of two
// spellings of one type, and the attributes' own words where the text names
// another type or none.
func (h hint) settle(e *schema.Exception) {
	switch {
	case h.typ == "":
	case e.Type == "":
		e.Type = h.typ
		if e.Value == "" {
			e.Value = h.value
		}
	case lastSegment(e.Type) == lastSegment(h.typ):
		if len(h.typ) > len(e.Type) {
			e.Type = h.typ
		}
	default:
		e.Type = h.typ
		if h.value != "" {
			e.Value = h.value
		}
	}
	// What follows the message in the text is notes, not value.
	if h.value != "" && len(e.Value) > len(h.value) && strings.HasPrefix(e.Value, h.value) && e.Value[len(h.value)] == '\n' {
		e.Value = h.value
	}
}
