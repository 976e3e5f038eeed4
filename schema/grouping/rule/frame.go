package rule

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"errata/schema"
	"errata/schema/grouping/glob"
)

// Mark is a decision on one property of a frame.
type Mark uint8

// Values of Mark.
const (
	Unset Mark = iota
	Yes
	No
)

// Decision is what rules said of one frame.
type Decision struct {
	App, Group         Mark
	AppRule, GroupRule int32 // Index of the rule that decided, -1 where none did.
	Category           string
}

// Stack is what rules said of the whole stack.
type Stack struct {
	MaxFrames int // Keep so many frames nearest the crash; 0 keeps all.
	MinFrames int // A stack with fewer counts for nothing.
}

// Set is a compiled list of frame rules. It is safe for concurrent use.
type Set struct {
	rules     []frameRule
	exception bool // Some rule looks at the exception.

	pathMatchers []*matcher // Of its rules, each at its bit.
	pathless     []uint64   // A bit for each rule that asks for no path.
	paths        atomic.Pointer[paths]
	slots        int
}

type frameRule struct {
	raw      string
	line     int
	family   Family // Any of these bits; 0 is every family.
	matchers []matcher
	caller   []matcher
	callee   []matcher
	actions  []action
	local    bool // Neither ranges nor neighbours.
	path     int  // Bit of a path pattern that a frame must fit, -1 for none.
}

type field uint8

const (
	fPath field = iota
	fFunction
	fModule
	fPackage
	fFamily
	fApp
	fCategory
	fType
	fValue
	fMechanism
	// Of events, in fingerprint rules.
	fMessage
	fLogger
	fLevel
	fTransaction
	fTag
	fSDK
	fRelease
)

type matcher struct {
	field  field
	negate bool
	glob   glob.Glob
	family Family
	bit    int    // Of path: its place among the path patterns of the set.
	yes    bool   // Of app.
	tag    string // Of tags.NAME.
	text   string // As written.
}

type action struct {
	ranged byte // 0, '^' towards the crash, 'v' away from it.
	key    byte // 'a'pp, 'g'roup, 'c'ategory, 'M'ax-frames, 'm'in-frames.
	mark   Mark
	text   string
	number int
}

// Family groups platforms for rules.
type Family uint32

// Families. Every platform has its own bit beside that of its family.
const (
	JavaScript Family = 1 << iota
	Native
	Other
	Python
	Java
	Go
	Ruby
	PHP
	CSharp
	Rust
	Elixir
	Node
	Cocoa
	Perl
)

// FamilyOf is the family of a platform, with its own bit.
func FamilyOf(platform string) Family {
	switch platform {
	case "python":
		return Other | Python
	case "javascript":
		return JavaScript
	case "node":
		return JavaScript | Node
	case "java":
		return Other | Java
	case "go":
		return Other | Go
	case "ruby":
		return Other | Ruby
	case "php":
		return Other | PHP
	case "csharp":
		return Other | CSharp
	case "rust":
		return Native | Rust
	case "elixir":
		return Other | Elixir
	case "perl":
		return Other | Perl
	case "cocoa", "objc", "swift":
		return Native | Cocoa
	case "native", "c":
		return Native
	}
	return Other
}

var families = map[string]Family{
	"javascript": JavaScript, "native": Native, "other": Other, "python": Python, "java": Java, "go": Go, "ruby": Ruby,
	"php": PHP, "csharp": CSharp, "rust": Rust, "elixir": Elixir, "node": Node, "cocoa": Cocoa, "objc": Cocoa, "swift": Cocoa,
	"perl": Perl, "all": ^Family(0),
}

var frameFields = map[string]field{
	"path": fPath, "stack.abs_path": fPath, "function": fFunction, "stack.function": fFunction, "module": fModule, "stack.module": fModule,
	"package": fPackage, "stack.package": fPackage, "family": fFamily, "app": fApp, "in_app": fApp, "category": fCategory,
	"type": fType, "error.type": fType, "value": fValue, "error.value": fValue, "mechanism": fMechanism, "error.mechanism": fMechanism,
}

// ParseFrames compiles frame rules. Errors are *Error, with the line.
func ParseFrames(text string) (*Set, error) {
	s := &Set{}
	err := lines(text, func(line int, raw string, tokens []token) error {
		r := frameRule{raw: raw, line: line}
		if why := r.read(tokens); why != "" {
			return &Error{line, clip(raw), why}
		}
		s.add(r)
		return nil
	})
	s.number(sharedSlots)
	return s, err
}

func (s *Set) add(r frameRule) {
	for _, ms := range [][]matcher{r.matchers, r.caller, r.callee} {
		for _, m := range ms {
			s.exception = s.exception || m.field == fType || m.field == fValue || m.field == fMechanism
		}
	}
	s.rules = append(s.rules, r)
}

// With returns a set with the rules of t after those of s.
func (s *Set) With(t *Set) *Set {
	out := &Set{exception: s.exception || t.exception}
	out.rules = append(append(out.rules, s.rules...), t.rules...)
	out.number(ownSlots)
	return out
}

// Rule is the text of rule i.
func (s *Set) Rule(i int32) string {
	if i < 0 || int(i) >= len(s.rules) {
		return ""
	}
	return s.rules[i].raw
}

// Len is the number of rules.
func (s *Set) Len() int { return len(s.rules) }

// read sorts the tokens of one rule: [caller] | matchers | [callee] actions.
func (r *frameRule) read(tokens []token) string {
	in, seen := 0, false // 0 outside brackets, 1 caller, 2 callee.
	for _, t := range tokens {
		switch {
		case t.text == "[" && t.key == "" && !t.quoted:
			if in = 1; seen {
				in = 2
			}
		case t.text == "]" && t.key == "" && !t.quoted:
			in = 0
		case t.text == "|" && t.key == "" && !t.quoted:
		case t.text == "->" && t.key == "":
			return "-> belongs to fingerprint rules; a frame rule ends with actions such as -app or +group"
		case t.key != "" && !t.assign:
			m, why := readMatcher(t, frameFields)
			if why != "" {
				return why
			}
			switch in {
			case 1:
				r.caller = append(r.caller, m)
			case 2:
				r.callee = append(r.callee, m)
			default:
				seen = true
				if m.field == fFamily && !m.negate {
					if r.family == 0 {
						r.family = m.family
					} else {
						r.family &= m.family
					}
					continue
				}
				r.matchers = append(r.matchers, m)
			}
		default:
			a, why := readAction(t)
			if why != "" {
				return why
			}
			r.actions = append(r.actions, a)
		}
	}
	if !seen {
		return "a rule needs a matcher such as path:**/vendor/**"
	}
	if len(r.actions) == 0 {
		return "a rule needs an action such as -app or +group"
	}
	r.local = len(r.caller) == 0 && len(r.callee) == 0
	for _, a := range r.actions {
		r.local = r.local && a.ranged == 0
	}
	return ""
}

func readMatcher(t token, fields map[string]field) (matcher, string) {
	m := matcher{negate: t.negate, text: t.text}
	f, ok := fields[t.key]
	if !ok {
		name, isTag := strings.CutPrefix(t.key, "tags.")
		if _, tags := fields["tags"]; !isTag || !tags {
			return m, "unknown matcher " + strconv.Quote(t.key)
		}
		f, m.tag = fTag, name
	}
	m.field = f
	if t.text == "" && !t.quoted {
		return m, "a value is missing after " + t.key + ":"
	}
	if len(t.text) > MaxPattern {
		return m, fmt.Sprintf("a pattern is longer than %d bytes", MaxPattern)
	}
	switch f {
	case fFamily:
		for name := range strings.SplitSeq(t.text, ",") {
			b, ok := families[strings.TrimSpace(name)]
			if !ok {
				return m, "unknown family " + strconv.Quote(name)
			}
			m.family |= b
		}
	case fApp:
		switch strings.ToLower(t.text) {
		case "1", "yes", "true":
			m.yes = true
		case "0", "no", "false":
		default:
			return m, "app is yes or no"
		}
	case fPath, fPackage:
		m.glob = glob.Compile(t.text, true, true)
	case fMessage, fValue, fLogger, fSDK, fTransaction:
		m.glob = glob.Compile(t.text, false, true)
	default:
		m.glob = glob.Compile(t.text, false, false)
	}
	return m, ""
}

func readAction(t token) (action, string) {
	var a action
	if t.assign {
		switch t.key {
		case "max-frames", "min-frames":
			n, err := strconv.Atoi(t.text)
			if err != nil || n < 0 || n > schema.MaxFrames {
				return a, fmt.Sprintf("%s is a number from 0 to %d", t.key, schema.MaxFrames)
			}
			a.key, a.number = 'M', n
			if t.key == "min-frames" {
				a.key = 'm'
			}
			return a, ""
		case "category":
			return action{key: 'c', text: t.text}, ""
		case "invert-stacktrace":
			return a, "invert-stacktrace is not supported: frames come in one order"
		}
		return a, "unknown action " + strconv.Quote(t.key)
	}
	s := t.text
	if s != "" && (s[0] == '^' || s[0] == 'v') {
		a.ranged = s[0]
		s = s[1:]
	}
	if s == "" {
		return a, "unknown action " + strconv.Quote(t.text)
	}
	switch s[0] {
	case '+':
		a.mark = Yes
	case '-':
		a.mark = No
	default:
		return a, "unknown word " + strconv.Quote(t.text) + "; actions are +app, -app, +group, -group with ^ or v before them"
	}
	switch s[1:] {
	case "app":
		a.key = 'a'
	case "group":
		a.key = 'g'
	default:
		return a, "unknown action " + strconv.Quote(t.text)
	}
	return a, ""
}
