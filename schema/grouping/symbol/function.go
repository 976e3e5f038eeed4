// Package symbol says what of the names in a frame counts. In: functions,
// modules and files as recorders of a platform write them. Out: the part that is
// the same for both protocols, in every build and deployment. It looks at one
// frame at a time and decides nothing about issues.
package symbol

import (
	"strings"

	"errata/schema"
)

// MaxBytes is what is read of one name.
const MaxBytes = 1024

// Function is the name that counts: without what varies between builds,
// deployments or recorders. Empty where the name says nothing.
func Function(f *schema.Frame, platform string) string {
	s := f.Function
	if s == "" || s == "?" {
		return ""
	}
	switch platform {
	case "python":
		return lastDot(s)
	case "javascript", "node":
		return jsFunction(s)
	case "java":
		if strings.HasPrefix(s, "lambda$") {
			return ""
		}
		return s
	case "csharp":
		return csharpFunction(f)
	case "go":
		return goFunction(f)
	case "ruby":
		return rubyFunction(s)
	case "php":
		return phpFunction(s)
	case "native", "c", "cocoa", "objc", "swift", "rust":
		switch s = Native(s); s {
		case "<redacted>", "<unknown>":
			return ""
		}
		return s
	}
	return s
}

// InRules is the name that rules match: trimmed, never emptied.
func InRules(f *schema.Frame, platform string) string {
	switch platform {
	case "native", "c", "cocoa", "objc", "swift", "rust":
		return Native(f.Function)
	}
	return f.Function
}

// lastDot is the last segment of a dotted name: `Order.total` and `total` are
// one function, whoever recorded it.
func lastDot(s string) string {
	if i := strings.LastIndexByte(s, '.'); i >= 0 && i+1 < len(s) {
		return s[i+1:]
	}
	return s
}

func jsFunction(s string) string {
	s = strings.TrimPrefix(s, "async ")
	s = strings.TrimPrefix(s, "new ")
	s = strings.TrimPrefix(s, "[native code] ")
	if i := strings.Index(s, " [as "); i > 0 {
		s = s[:i]
	}
	if strings.HasSuffix(s, "/<") || strings.Contains(s, "</") {
		return "" // Firefox's names of closures.
	}
	s = lastDot(s)
	switch s {
	case "<anonymous>", "<anonymous function>", "Anonymous function", "anonymous", "?", "{anonymous}", "eval", "eval code":
		return ""
	}
	return s
}

func csharpFunction(f *schema.Frame) string {
	s := f.Function
	if f.RawFunction != "" {
		s = f.RawFunction
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		s = strings.TrimRight(s[:i], " ")
	}
	if i := strings.IndexAny(s, "[`"); i > 0 {
		s = s[:i]
	}
	// The compiler numbers lambdas and local functions: <Main>b__0_1,
	// <Main>g__Total|2_0. An edit above moves the numbers.
	if strings.HasPrefix(s, "<") {
		if i := strings.Index(s, ">b__"); i > 0 {
			return s[1:i] + " { <lambda> }"
		}
		if i := strings.LastIndexByte(s, '|'); i > 0 {
			s = s[:i]
		}
	}
	return lastDot(s)
}

// goFunction drops the path of the package: Sentry sends it apart, a text trace
// in front.
func goFunction(f *schema.Frame) string {
	s := f.Function
	if f.Module != "" && len(s) > len(f.Module) && strings.HasPrefix(s, f.Module) && s[len(f.Module)] == '.' {
		s = s[len(f.Module)+1:]
	} else if i := strings.LastIndexByte(s, '/'); i >= 0 {
		s = s[i+1:]
		if j := strings.IndexByte(s, '.'); j >= 0 {
			s = s[j+1:]
		}
	}
	if i := strings.Index(s, "[...]"); i >= 0 {
		s = s[:i] + s[i+5:]
	}
	return goClosure(s)
}

// goClosure drops the numbers that the compiler gives to closures, init
// functions and wrappers: an edit above moves them, and versions of Go nest
// them otherwise (main.func5.1 and main.func5.func1 are one).
func goClosure(s string) string {
	s = strings.TrimSuffix(s, "-fm") // A method value.
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	var b strings.Builder
	last := ""
	for i := 0; s != ""; i++ {
		part, rest, _ := strings.Cut(s, ".")
		s = rest
		switch name := strings.TrimRight(part, "0123456789"); {
		case name == "" && part != "" && i > 0:
			continue // The 1 of func5.1, the 0 of init.0.
		case name == "func" && last == "func":
			continue
		case name == "func", name == "gowrap", name == "deferwrap", strings.HasSuffix(name, "-range"):
			part = name
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
		last = part
	}
	return b.String()
}

func rubyFunction(s string) string {
	if strings.HasPrefix(s, "block ") {
		return "block"
	}
	for _, p := range [...]string{"rescue in ", "ensure in "} {
		s = strings.TrimPrefix(s, p)
	}
	if i := strings.LastIndexAny(s, "#."); i >= 0 && i+1 < len(s) {
		s = s[i+1:]
	}
	// Names that templates compile to end with two numbers: _view__1234_5678.
	end := len(s)
	if i := strings.LastIndex(s, "__"); i > 0 {
		a, b, ok := strings.Cut(s[i+2:], "_")
		if ok && len(a) >= 4 && len(b) >= 4 && digits(a) && digits(b) {
			end = i
		}
	}
	return s[:end]
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func phpFunction(s string) string {
	// Closures of 8.4 carry their line, of a file also its path; before, the name
	// of the class or namespace that one protocol spells otherwise.
	if strings.Contains(s, "{closure") {
		return ""
	}
	if strings.HasPrefix(s, "[Anonymous") || strings.HasPrefix(s, "class@anonymous") {
		if i := strings.LastIndex(s, "::"); i >= 0 {
			return s[i+2:]
		}
		return ""
	}
	if i := strings.Index(s, "->"); i > 0 {
		s = s[:i] + "::" + s[i+2:]
	}
	// OpenTelemetry's formatter has one sign for classes and namespaces.
	return strings.ReplaceAll(s, `\`, "::")
}
