package rule

import (
	"strconv"
	"strings"
)

// Variables that fingerprints and titles may hold.
var variables = map[string]bool{
	"default": true, "transaction": true, "message": true, "raw_message": true, "type": true, "error.type": true,
	"value": true, "error.value": true, "raw_value": true, "error.raw_value": true, "function": true, "stack.function": true, "path": true, "stack.abs_path": true,
	"stack.filename": true, "filename": true, "module": true, "stack.module": true, "package": true, "stack.package": true, "level": true, "logger": true,
	"release": true, "platform": true,
}

// Expand replaces every {{ name }} of s by f(name). A name that f does not know
// stays as it is. It is linear in s.
func Expand(s string, f func(name string) (string, bool)) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := strings.Index(s, "{{")
		if i < 0 {
			break
		}
		j := strings.Index(s[i:], "}}")
		if j < 0 {
			break
		}
		b.WriteString(s[:i])
		name := strings.TrimSpace(s[i+2 : i+j])
		if v, ok := f(name); ok {
			b.WriteString(v)
		} else {
			b.WriteString(s[i : i+j+2])
		}
		s = s[i+j+2:]
	}
	b.WriteString(s)
	return b.String()
}

// Variable is the name inside s where s is one {{ name }} and nothing more.
func Variable(s string) string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "{{") || !strings.HasSuffix(s, "}}") || len(s) < 4 {
		return ""
	}
	name := strings.TrimSpace(s[2 : len(s)-2])
	if strings.ContainsAny(name, " {}") {
		return ""
	}
	return name
}

func checkVariables(s string) (why string) {
	Expand(s, func(name string) (string, bool) {
		if !variables[name] && !strings.HasPrefix(name, "tags.") && why == "" {
			why = "unknown variable " + strconv.Quote(name)
		}
		return "", true
	})
	return why
}
