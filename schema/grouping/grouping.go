// Package grouping turns an exception list into fingerprints and says why.
// In: what an event carries that could group it, as either protocol gave it.
// Out: ordered hashes, title, culprit, our in-app decision. It is pure and
// versioned: the same input and rules give the same result for ever.
package grouping

import "errata/schema"

// Version names the algorithm; it is stored with each event.
const Version = "errata:2026-12"

// Input is what may decide a fingerprint.
type Input struct {
	Platform   string
	Type       string             // As Event.type; empty: error where there is an exception, else default.
	Exceptions []schema.Exception // Innermost cause first; the last is the main one, unless a group says otherwise.
	Stack      []schema.Frame     // Of the crashed or current thread, or of the event; used where there is no exception.
	Message    string             // Formatted.
	Template   string             // Raw logentry.message; groups before Message.

	Fingerprint []string // From the client; may hold {{ default }} and its like.
	Checksum    string   // Legacy: decides alone where it is set and no rule matches.
	Transaction string
	Logger      string
	Level       string
	Release     string
	SDK         string // sdk.name, for rules.
	RequestURL  string
	Tags        []*schema.Tag
	Report      *Report // Security reports.
}

// Report is a browser's security report.
type Report struct {
	Kind      string // csp, hpkp, expectct, expectstaple, nel.
	Directive string // Effective directive (csp).
	Blocked   string // Blocked URI (csp) or host name.
	Document  string // Document URI (csp).
	Message   string // As built from the report.
}

// Result is what grouping decided.
type Result struct {
	Hashes    []uint64 // Ordered; never empty; the first is the fingerprint.
	MainHash  uint64   // Type and innermost frame of the main exception (and its value where that has no name): the same for every witness of one failure.
	Component string   // The deciding component: fingerprint, exception stack, exception value, message, csp ...
	Reason    string   // One line for people: which values counted.
	Title     string
	Culprit   string
	Type      string // Of the main exception: last segment of its name.
	Value     string
	Main      int    // Index into Exceptions of the main one; -1 where there is none.
	InApp     []bool // Our decision for the frames of the main exception, or of Stack.
	Handled   schema.Handled
	Mechanism string
	Level     schema.Level // LEVEL_UNSPECIFIED unless a rule sets one.
}
