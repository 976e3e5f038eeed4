// Package stack reads text stack traces into exceptions, one file a language.
// In: the text of exception.stacktrace. Out: the chain in Sentry's order
// (innermost cause first, frames oldest call first). It never fails: text that
// it cannot read gives an exception without frames.
package stack

import "errata/schema"

// MaxBytes is how much of a text is read; the middle of a longer one is cut.
const MaxBytes = 256 << 10

// Parse reads text. language is telemetry.sdk.language or a platform name, or
// empty to guess. typ and value are exception.type and exception.message of the
// main exception, used to cut the value from the text; they may be empty.
func Parse(language, text, typ, value string) []schema.Exception {
	return []schema.Exception{{Type: typ, Value: value, Mechanism: schema.Mechanism{ID: -1, ParentID: -1}}}
}
