// Package scrub takes secrets out of events before they reach a topic. In: a
// JSON tree, attributes or text, and a project's rules. Out: the same with
// redactions, counted by rule. It never logs a value.
//
// What is taken out by default: values of keys that name a secret, session
// cookies, authorization, credit cards (with their check digit), IBANs, US
// social security numbers, private keys, user:password in URLs, bearer and
// basic tokens, secret parameters of URLs, forms and printed dicts, e-mail
// addresses in messages, and users' names in home folders. What is never
// touched: ids, file names, functions and modules of frames, the list of
// modules, user agents, and id, name, e-mail and address of the user.
package scrub

import (
	"strings"

	"errata/ingest/node"
	"errata/ingest/scrub/detect"
	"errata/ingest/scrub/name"
)

// Rules is what a project says of scrubbing. The zero value is the default:
// on, with the built-in rules.
type Rules struct {
	Off         bool `json:"off"`          // Nothing is scrubbed at all.
	NoDefaults  bool `json:"no_defaults"`  // Only the project's own rules hold.
	IPAddresses bool `json:"ip_addresses"` // Also takes out addresses of users.
	// SensitiveFields are further key names (by segment, case-insensitive).
	SensitiveFields []string `json:"sensitive_fields"`
	// SafeFields are key names that are never touched by the key rule.
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

// Counts is the number of redactions by rule name.
type Counts = detect.Counts

// Totals returns the redactions of this process by rule.
func Totals() map[string]uint64 { return detect.Totals() }

// Scrubber applies one project's rules. It is safe for concurrent use.
type Scrubber struct {
	off, defaults bool
	names         *name.Set
	detect        detect.Detector
	lines         *lines
	rules         []rule
}

// New checks rules and returns a Scrubber.
func New(r Rules) (*Scrubber, error) {
	names := name.New(!r.NoDefaults, r.SensitiveFields, r.SafeFields)
	s := &Scrubber{off: r.Off, defaults: !r.NoDefaults, names: names, detect: detect.New(names), lines: linesOf(r)}
	if r.IPAddresses {
		r.Rules = append([]Rule{
			{Name: detect.RuleIP, Path: "user.ip_address", Method: "remove"},
			{Name: detect.RuleIP, Pattern: "ip"},
		}, r.Rules...)
	}
	var err error
	s.rules, err = compile(r.Rules)
	return s, err
}

// idle reports whether there is nothing to do. A zero Scrubber does nothing.
func (s *Scrubber) idle() bool { return s == nil || s.off || s.names == nil }

// JSON scrubs a Sentry event in place. It reports whether a member of the event
// itself was replaced; what changed further in does not count.
func (s *Scrubber) JSON(v *node.Value, a *node.Arena, c Counts) (replaced bool) {
	if s.idle() || v == nil || v.Type() != node.TypeObject {
		return false
	}
	w := walker{s: s, a: a, c: c}
	if s.defaults || !s.names.Empty() {
		replaced = w.event(v)
	}
	if len(s.rules) > 0 {
		w.rules(v, nil)
		replaced = true // Rules are rare: nobody counts what they did.
	}
	return replaced
}

// Attribute returns the value to keep for a flat key, for example
// http.request.header.authorization.
func (s *Scrubber) Attribute(key, value string, c Counts) string {
	if s.idle() || value == "" {
		return value
	}
	out := value
	switch {
	case kept(key):
	case value != detect.Filtered && s.names.Secret(key):
		if strings.HasSuffix(strings.ToLower(key), "cookie") && strings.IndexByte(value, '=') > 0 {
			out = s.detect.Cookies(value, c)
		} else {
			c.Add(detect.RuleKey)
			out = detect.Filtered
		}
	case s.defaults && !isID(key, value):
		out = s.detect.Text(value, isMessage(key), c)
	}
	for i := range s.rules {
		r := &s.rules[i]
		if r.path == nil || r.at(strings.Split(key, ".")) {
			out = r.apply(out, c)
		}
	}
	return out
}

// Text returns text without secrets that have a form of their own.
func (s *Scrubber) Text(value string, c Counts) string {
	if s.idle() || value == "" {
		return value
	}
	if s.defaults {
		value = s.detect.Text(value, true, c)
	}
	for i := range s.rules {
		if r := &s.rules[i]; r.path == nil {
			value = r.apply(value, c)
		}
	}
	return value
}

// isID tells identifiers of the protocol, in which a run of digits means
// nothing, from values.
func isID(key, value string) bool {
	switch len(value) {
	case 16, 32, 36:
		return strings.HasSuffix(key, "_id") || strings.HasSuffix(key, ".id") || key == "id"
	}
	return false
}

// kept names attributes that are never touched.
func kept(key string) bool {
	switch key {
	case "user_agent.original", "http.user_agent", "code.function", "code.function.name", "code.filepath", "code.file.path", "code.namespace",
		"user.id", "user.email", "user.name", "enduser.id", "client.address", "exception.type":
		return true
	}
	return false
}

// isMessage tells attributes that are read as messages: they are treated as the
// same text is treated in an event, so that both group alike.
func isMessage(key string) bool { return key == "exception.message" || key == "exception.stacktrace" }
