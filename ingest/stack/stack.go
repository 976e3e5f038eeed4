// Package stack reads text stack traces into exceptions. It finds the language;
// each has a package of its own below, and package scan is what they share.
// In: the text of exception.stacktrace. Out: the chain in Sentry's order
// (innermost cause first, frames oldest call first). It never fails: text that
// it cannot read gives an exception without frames. Its work is linear in the
// text, its output bounded by schema.MaxFrames and schema.MaxExceptions, and
// it never decides what is in-app.
package stack

import (
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// MaxBytes is how much of a text is read; the middle of a longer one is cut.
const MaxBytes = 256 << 10

// Parse reads text. language is telemetry.sdk.language or a platform name, or
// empty to guess. typ and value are exception.type and exception.message of the
// main exception, used to cut the value from the text; they may be empty. The
// result has at least one member, and its last one is the main exception.
func Parse(language, text, typ, value string) []schema.Exception {
	h := scan.Hint{Type: typ, Value: value}
	text = bound(text)
	if strings.TrimSpace(text) != "" {
		if out := dispatch(language, text, h); len(out) > 0 {
			return out
		}
	}
	return []schema.Exception{{Type: typ, Value: value, Mechanism: scan.NoMechanism}}
}

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
