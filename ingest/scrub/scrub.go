// Package scrub takes secrets out of events before they reach a topic. In: a
// JSON tree, attributes or text, and a project's rules. Out: the same with
// redactions, counted by rule. It never logs a value.
package scrub

import "github.com/valyala/fastjson"

// Rules is what a project says of scrubbing. The zero value is the default:
// on, with the built-in rules.
type Rules struct {
	Off         bool `json:"off"`          // Nothing is scrubbed at all.
	NoDefaults  bool `json:"no_defaults"`  // Only the project's own rules hold.
	IPAddresses bool `json:"ip_addresses"` // Also takes out addresses of users.
	// SensitiveFields are further key names (by segment, case-insensitive).
	SensitiveFields []string `json:"sensitive_fields"`
	// SafeFields are key names that are never touched.
	SafeFields []string `json:"safe_fields"`
	Rules      []Rule   `json:"rules"`
}

// Rule is one rule of a project: where (Path), what (Pattern) and how (Method).
// A rule needs a path, a pattern or both.
type Rule struct {
	Name    string `json:"name"`    // Counted under this name.
	Path    string `json:"path"`    // For example request.headers.X-Internal or exception.values.*.value; ** is any depth.
	Pattern string `json:"pattern"` // A built-in type (creditcard, iban, email, ip, bearer, pem, url_auth, ssn, mac, uuid) or an RE2 expression between slashes.
	Method  string `json:"method"`  // filter (default), remove, mask or hash.
}

// New checks rules and returns a Scrubber.
func New(r Rules) (*Scrubber, error) { return &Scrubber{}, nil }

// Scrubber applies one project's rules. It is safe for concurrent use.
type Scrubber struct{}

// Counts is the number of redactions by rule name.
type Counts map[string]int

// JSON scrubs a Sentry event in place.
func (s *Scrubber) JSON(v *fastjson.Value, a *fastjson.Arena, c Counts) {}

// Attribute returns the value to keep for a flat key.
func (s *Scrubber) Attribute(key, value string, c Counts) string { return value }

// Text returns text without secrets that have a form of their own.
func (s *Scrubber) Text(value string, c Counts) string { return value }
