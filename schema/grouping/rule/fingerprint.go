package rule

import (
	"strconv"
	"strings"

	"errata/schema"
)

// Event is what fingerprint rules look at.
type Event struct {
	Platform    string
	Message     string
	Template    string
	Logger      string
	Level       string
	Transaction string
	Release     string
	SDK         string
	Tags        []*schema.Tag
	Exceptions  []schema.Exception
	Stacks      []EventStack // Of the exceptions, or of the event.
	Function    func(f *schema.Frame, p string) string
}

// EventStack is one stack with what frame rules said of it.
type EventStack struct {
	Frames    []schema.Frame
	Decisions []Decision
}

// Fingerprints is a compiled list of fingerprint rules. It is safe for
// concurrent use.
type Fingerprints struct{ rules []FingerprintRule }

// FingerprintRule is one rule: the first that matches gives the fingerprint.
type FingerprintRule struct {
	Raw   string
	Line  int      // From 1.
	Parts []string // May hold {{ variables }}.
	Title string   // May hold {{ variables }}; empty keeps the title.
	Level schema.Level

	event, message, exception, frame []matcher
}

var eventFields = map[string]field{
	"type": fType, "error.type": fType, "value": fValue, "error.value": fValue, "mechanism": fMechanism, "error.mechanism": fMechanism,
	"message": fMessage, "logger": fLogger, "level": fLevel, "transaction": fTransaction, "tags": fTag, "sdk": fSDK, "release": fRelease, "family": fFamily,
	"path": fPath, "stack.abs_path": fPath, "function": fFunction, "stack.function": fFunction, "module": fModule, "stack.module": fModule,
	"package": fPackage, "stack.package": fPackage, "app": fApp, "in_app": fApp,
}

// Levels by the names that rules use.
var levels = map[string]schema.Level{
	"debug": schema.Level_LEVEL_DEBUG, "info": schema.Level_LEVEL_INFO, "warning": schema.Level_LEVEL_WARNING,
	"error": schema.Level_LEVEL_ERROR, "fatal": schema.Level_LEVEL_FATAL,
}

// ParseFingerprints compiles fingerprint rules. Errors are *Error, with the line.
func ParseFingerprints(text string) (*Fingerprints, error) {
	s := &Fingerprints{}
	err := lines(text, func(line int, raw string, tokens []token) error {
		r := FingerprintRule{Raw: raw, Line: line}
		if why := r.read(tokens); why != "" {
			return &Error{line, clip(raw), why}
		}
		s.rules = append(s.rules, r)
		return nil
	})
	return s, err
}

// Len is the number of rules.
func (s *Fingerprints) Len() int {
	if s == nil {
		return 0
	}
	return len(s.rules)
}

func (r *FingerprintRule) read(tokens []token) string {
	arrow, matchers := false, 0
	for _, t := range tokens {
		switch {
		case t.text == "->" && t.key == "" && !t.quoted:
			arrow = true
		case !arrow:
			if t.key == "" || t.assign {
				return "expected a matcher such as type:Timeout before ->, got " + strconv.Quote(t.text)
			}
			m, why := readMatcher(t, eventFields)
			if why != "" {
				return why
			}
			matchers++
			switch m.field {
			case fMessage:
				r.message = append(r.message, m)
			case fType, fValue, fMechanism:
				r.exception = append(r.exception, m)
			case fPath, fFunction, fModule, fPackage, fApp:
				r.frame = append(r.frame, m)
			default:
				r.event = append(r.event, m)
			}
		case t.assign && t.key == "title":
			r.Title = t.text
		case t.assign && t.key == "level":
			l, ok := levels[t.text]
			if !ok {
				return "level is debug, info, warning, error or fatal, not " + strconv.Quote(t.text)
			}
			r.Level = l
		case t.assign && t.quoted:
			return "unknown attribute " + strconv.Quote(t.key) + "; title and level are known"
		case t.assign:
			r.Parts = append(r.Parts, t.key+"="+t.text)
		default:
			r.Parts = append(r.Parts, t.text)
		}
	}
	switch {
	case matchers == 0:
		return "a rule needs a matcher such as type:Timeout"
	case !arrow:
		return "a fingerprint rule needs -> and a fingerprint"
	case len(r.Parts) == 0:
		return "a fingerprint is missing after ->"
	}
	for _, p := range append([]string{r.Title}, r.Parts...) {
		if why := checkVariables(p); why != "" {
			return why
		}
	}
	return ""
}

// Match is the first rule that fits, or nil.
func (s *Fingerprints) Match(e *Event) *FingerprintRule {
	if s == nil {
		return nil
	}
	for i := range s.rules {
		if s.rules[i].match(e) {
			return &s.rules[i]
		}
	}
	return nil
}

// match wants every kind of matcher satisfied; matchers on frames by one frame,
// on exceptions by one exception, on messages by one message.
func (r *FingerprintRule) match(e *Event) bool {
	for i := range r.event {
		if r.event[i].matchEvent(e) == r.event[i].negate {
			return false
		}
	}
	return (len(r.exception) == 0 || r.matchException(e)) &&
		(len(r.message) == 0 || r.matchMessage(e)) &&
		(len(r.frame) == 0 || r.matchFrames(e))
}

func (m *matcher) matchEvent(e *Event) bool {
	switch m.field {
	case fLogger:
		return m.matchText(e.Logger)
	case fLevel:
		return m.matchText(e.Level)
	case fTransaction:
		return m.matchText(e.Transaction)
	case fSDK:
		return m.matchText(e.SDK)
	case fRelease:
		return m.matchText(e.Release)
	case fFamily:
		return m.family&FamilyOf(e.Platform) != 0
	case fTag:
		for _, t := range e.Tags {
			if t.GetKey() == m.tag {
				return m.matchText(t.GetValue())
			}
		}
	}
	return false
}

func (r *FingerprintRule) matchException(e *Event) bool {
	for i := range e.Exceptions {
		x := &e.Exceptions[i]
		ok := true
		for j := range r.exception {
			m := &r.exception[j]
			var hit bool
			switch m.field {
			case fType:
				hit = m.matchText(x.Type) || m.matchText(lastSegment(x.Type))
			case fValue:
				hit = m.matchText(x.Value)
			default:
				hit = m.matchText(x.Mechanism.Type)
			}
			ok = ok && hit != m.negate
		}
		if ok {
			return true
		}
	}
	return false
}

// lastSegment lets type:Timeout match a qualified name too: one protocol sends
// the module, the other does not.
func lastSegment(s string) string {
	if i := strings.LastIndexAny(s, ".$:"); i >= 0 {
		return s[i+1:]
	}
	return s
}

func (r *FingerprintRule) matchMessage(e *Event) bool {
	one := func(v string) bool {
		if v == "" {
			return false
		}
		for i := range r.message {
			if r.message[i].matchText(v) == r.message[i].negate {
				return false
			}
		}
		return true
	}
	if one(e.Message) || one(e.Template) {
		return true
	}
	for i := range e.Exceptions {
		if one(e.Exceptions[i].Value) {
			return true
		}
	}
	return false
}

func (r *FingerprintRule) matchFrames(e *Event) bool {
	for i := range e.Stacks {
		if r.matchStack(e, &e.Stacks[i]) {
			return true
		}
	}
	return false
}

func (r *FingerprintRule) matchStack(e *Event, s *EventStack) bool {
	if len(s.Frames) == 0 {
		return false
	}
	sc := pool.Get().(*scratch)
	defer sc.done()
	sc.prepare(nil, Subject{Platform: e.Platform, Function: e.Function}, s.Frames)
	for i := range s.Frames {
		if matchAll(r.frame, &sc.probes[i], &s.Decisions[i], nil) {
			return true
		}
	}
	return false
}
