package symbol

import (
	"strings"

	"errata/schema"
)

// Native trims a C, C++, Objective-C, Swift or Rust name to its path:
// no return type, arguments, template arguments, hashes or qualifiers.
func Native(s string) string {
	s = strings.TrimSpace(schema.Cut(s, MaxBytes))
	if s == "" || s[0] == '[' || s[0] == '@' || len(s) > 1 && (s[0] == '-' || s[0] == '+') && s[1] == '[' {
		return s
	}
	if !strings.ContainsAny(s, "(<{`' [@&") {
		return rustHash(s)
	}
	if i := strings.Index(s, "[clone"); i > 0 {
		s = strings.TrimRight(s[:i], " ")
	}
	if i := strings.Index(s, "@@"); i > 0 {
		s = s[:i]
	} else if i := strings.LastIndexByte(s, '@'); i > 0 && digits(s[i+1:]) {
		s = s[:i]
	}
	for _, q := range [...]string{" const", " &", " &&", " volatile", " noexcept"} {
		s = strings.TrimSuffix(s, q)
	}
	s = unwrapAs(s)
	s = dropArguments(s)
	s = dropTemplates(s)
	for _, a := range [...]string{"(anonymous namespace)::", "`anonymous namespace'::", "`anonymous-namespace'::", "{anonymous}::"} {
		s = strings.ReplaceAll(s, a, "")
	}
	s = dropReturn(s)
	return rustHash(s)
}

// rustHash cuts ::h0123456789abcdef.
func rustHash(s string) string {
	if n := len(s) - 19; n > 0 && s[n:n+3] == "::h" {
		for _, c := range []byte(s[n+3:]) {
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return s
			}
		}
		return s[:n]
	}
	return s
}

// unwrapAs turns Rust's <T as Trait>::f and <T>::f into T::f.
func unwrapAs(s string) string {
	if s[0] != '<' || strings.HasPrefix(s, "<lambda") {
		return s
	}
	depth, as := 0, -1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<':
			depth++
		case '>':
			if i > 0 && s[i-1] == '-' {
				continue
			}
			if depth--; depth == 0 {
				if !strings.HasPrefix(s[i+1:], "::") {
					return s
				}
				if as > 0 {
					return s[1:as] + s[i+1:]
				}
				return s[1:i] + s[i+1:]
			}
		case ' ':
			if depth == 1 && as < 0 && strings.HasPrefix(s[i:], " as ") {
				as = i
			}
		}
	}
	return s
}

// dropArguments cuts the last balanced group of parentheses at the end of s,
// and what follows a first one that is not a namespace.
func dropArguments(s string) string {
	depth, angle := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<':
			if strings.HasSuffix(strings.TrimRight(s[:i], "<"), "operator") {
				continue
			}
			angle++
		case '>':
			if angle > 0 {
				angle--
			}
		case '(':
			if depth == 0 && angle == 0 {
				if strings.HasPrefix(s[i:], "(anonymous namespace)") {
					i += len("(anonymous namespace)") - 1
					continue
				}
				if strings.HasSuffix(s[:i], "operator") && strings.HasPrefix(s[i:], "()") {
					i++
					continue
				}
				if i == 0 {
					return s
				}
				return strings.TrimRight(s[:i], " ")
			}
			depth++
		case ')':
			depth--
		}
	}
	return s
}

// dropTemplates writes every template argument list as <T> and names lambdas
// alike.
func dropTemplates(s string) string {
	if !strings.ContainsAny(s, "<{'") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "<lambda"):
			end := strings.IndexByte(s[i:], '>')
			if end < 0 {
				return b.String() + s[i:]
			}
			b.WriteString("<lambda>")
			i += end + 1
		case strings.HasPrefix(s[i:], "{lambda"):
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return b.String() + s[i:]
			}
			b.WriteString("<lambda>")
			i += end + 1
		case strings.HasPrefix(s[i:], "'lambda"):
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return b.String() + s[i:]
			}
			b.WriteString("<lambda>")
			i += end + 2
		case s[i] == '<' && i > 0 && !strings.HasSuffix(s[:i], "operator") && !strings.HasSuffix(s[:i], "operator<"):
			end := closing(s, i)
			if end < 0 {
				return b.String() + s[i:]
			}
			b.WriteString("<T>")
			i = end
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// closing is the place after the angle bracket that closes the one at i.
func closing(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '<':
			depth++
		case '>':
			if s[i-1] == '-' {
				continue
			}
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// dropReturn cuts a return type: what stands before the last space outside of
// brackets.
func dropReturn(s string) string {
	if strings.Contains(s, "operator") || strings.HasPrefix(s, "thunk ") || strings.Contains(s, " for ") || strings.Contains(s, " in ") {
		return s
	}
	depth := 0
	for i := len(s) - 1; i > 0; i-- {
		switch s[i] {
		case '>', ')', '}':
			depth++
		case '<', '(', '{':
			depth--
		case ' ':
			if depth == 0 && i+1 < len(s) && !strings.HasPrefix(s[i+1:], "as ") {
				return strings.TrimLeft(s[i+1:], "*& ")
			}
		}
	}
	return s
}
