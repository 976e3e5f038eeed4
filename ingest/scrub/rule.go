package scrub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"errata/ingest/node"
	"errata/ingest/scrub/detect"
)

// rule is a compiled Rule.
type rule struct {
	name   string
	path   []string // Nil: everywhere.
	find   *regexp.Regexp
	verify func(string) bool
	method string
	label  string
}

const maxRules = 200

type builtin struct {
	re     *regexp.Regexp
	verify func(string) bool
}

var builtins = map[string]builtin{
	"creditcard": {regexp.MustCompile(`\b(?:\d[ -]?){12,18}\d\b`), func(s string) bool { return detect.Numbers(s, nil) != s }},
	"iban":       {regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b`), func(s string) bool { return detect.IBAN(s, nil) != s }},
	"email":      {regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`), nil},
	"ip": {regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}`), func(s string) bool {
		a, err := netip.ParseAddr(s)
		return err == nil && a.IsValid() && s != "::"
	}},
	"bearer":   {regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`), nil},
	"pem":      {regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), nil},
	"url_auth": {regexp.MustCompile(`://[^/\s:@]+:[^/\s@]+@`), nil},
	"ssn":      {regexp.MustCompile(`\b\d{3}-\d{2}-\d{4}\b`), nil},
	"mac":      {regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b`), nil},
	"uuid":     {regexp.MustCompile(`\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b`), nil},
}

func compile(rules []Rule) ([]rule, error) {
	if len(rules) > maxRules {
		return nil, fmt.Errorf("rules: %d are too many, at most %d", len(rules), maxRules)
	}
	out := make([]rule, 0, len(rules))
	for i, r := range rules {
		c := rule{name: r.Name, method: r.Method, label: detect.Filtered}
		switch r.Method {
		case "":
			c.method = "filter"
		case "filter", "remove", "mask", "hash":
		default:
			return nil, fmt.Errorf("rules[%d].method: %q is unknown, use filter, remove, mask or hash", i, r.Method)
		}
		if r.Path == "" && r.Pattern == "" {
			return nil, fmt.Errorf("rules[%d]: a rule needs a path, a pattern or both", i)
		}
		if r.Path != "" {
			c.path = strings.Split(r.Path, ".")
			if slices.Contains(c.path, "") {
				return nil, fmt.Errorf("rules[%d].path: %q has an empty part", i, r.Path)
			}
		}
		switch p := r.Pattern; {
		case p == "":
		case len(p) > 2 && p[0] == '/' && p[len(p)-1] == '/':
			re, err := regexp.Compile(p[1 : len(p)-1])
			if err != nil {
				return nil, fmt.Errorf("rules[%d].pattern: cannot read expression: %w", i, err)
			}
			if re.MatchString("") {
				return nil, fmt.Errorf("rules[%d].pattern: %s matches nothing at all, which is everywhere", i, p)
			}
			c.find = re
		default:
			b, ok := builtins[p]
			if !ok {
				return nil, fmt.Errorf("rules[%d].pattern: %q is no built-in type; put an expression between slashes", i, p)
			}
			c.find, c.verify, c.label = b.re, b.verify, "["+p+"]"
		}
		if c.name == "" {
			c.name = r.Pattern
			if c.name == "" {
				c.name = r.Path
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// at reports whether a path matches: * is one part, ** any number of them.
func (r *rule) at(path []string) bool { return match(r.path, path) }

func match(pattern, path []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := 0; i <= len(path); i++ {
				if match(pattern[1:], path[i:]) {
					return true
				}
			}
			return false
		}
		if len(path) == 0 || pattern[0] != "*" && !strings.EqualFold(pattern[0], path[0]) {
			return false
		}
		pattern, path = pattern[1:], path[1:]
	}
	return len(path) == 0
}

// apply redacts the whole text, or what the pattern finds in it.
func (r *rule) apply(v string, c Counts) string {
	if v == "" {
		return v
	}
	if r.find == nil {
		c.Add(r.name)
		return r.redact(v)
	}
	return r.find.ReplaceAllStringFunc(v, func(m string) string {
		if r.verify != nil && !r.verify(m) {
			return m
		}
		c.Add(r.name)
		return r.redact(m)
	})
}

func (r *rule) redact(v string) string {
	switch r.method {
	case "remove":
		return ""
	case "mask":
		return strings.Repeat("*", min(len(v), 64))
	case "hash":
		// Equal values stay equal, so that they can be counted.
		h := sha256.Sum256([]byte(v))
		return hex.EncodeToString(h[:8])
	}
	return r.label
}

// rules applies a project's own rules, with the path of each value.
func (w *walker) rules(v *node.Value, path []string) *node.Value {
	if len(path) == 1 && untouched(path[0]) && !w.named(path) {
		return nil
	}
	for i := range w.s.rules {
		r := &w.s.rules[i]
		if r.path == nil || !r.at(path) {
			continue
		}
		if r.find == nil {
			switch v.Type() {
			case node.TypeNull:
				return nil
			case node.TypeString:
				return w.a.NewString(r.apply(v.Text(), w.c))
			}
			w.c.Add(r.name)
			if r.method == "remove" {
				return w.a.NewNull()
			}
			return w.a.NewString(detect.Filtered)
		}
	}
	switch v.Type() {
	case node.TypeString:
		old := v.Text()
		text := old
		for i := range w.s.rules {
			if r := &w.s.rules[i]; r.find != nil && (r.path == nil && !isFrameName(path) || r.path != nil && r.at(path)) {
				text = r.apply(text, w.c)
			}
		}
		if text != old {
			return w.a.NewString(text)
		}
	case node.TypeObject:
		each(v, func(key string, m *node.Value) *node.Value { return w.rules(m, append(path, key)) })
	case node.TypeArray:
		for i, m := range v.Elements() {
			if name, ok := pair(m); ok {
				if n := w.rules(m.Elements()[1], append(path, name)); n != nil {
					m.SetArrayItem(1, n)
				}
			} else if n := w.rules(m, append(path, strconv.Itoa(i))); n != nil {
				v.SetArrayItem(i, n)
			}
		}
	}
	return nil
}

// named reports whether a rule names this part of an event itself.
func (w *walker) named(path []string) bool {
	for i := range w.s.rules {
		if p := w.s.rules[i].path; len(p) > 0 && p[0] == path[0] {
			return true
		}
	}
	return false
}

// isFrameName reports whether a path is that of a name in a frame: patterns
// without a path leave those, and with them the grouping, alone.
func isFrameName(path []string) bool {
	n := len(path)
	if n < 3 || path[n-3] != "frames" {
		return false
	}
	return path[n-1] != "context_line"
}
