// Package rule reads and applies grouping rules in Sentry's syntax: frame rules
// (`path:**/vendor/** -app`) and fingerprint rules (`type:Timeout -> timeout`).
// In: the text of a rule file; then frames and events to match. Out: a decision
// a frame, or the fingerprint of the first rule that matches. Matching is
// linear in its input for every pattern, and both sides are bounded. It never
// hashes anything and knows no table.
package rule

import (
	"fmt"
	"strings"
)

// Limits on rule texts.
const (
	MaxText    = 256 << 10 // Bytes of one rule file.
	MaxRules   = 1000      // Rules of one file.
	MaxPattern = 512       // Bytes of one pattern.
	MaxTokens  = 64        // Matchers, actions and parts of one rule.
	maxValue   = 1024      // Bytes of a value that a pattern looks at.
)

// Error says where a rule text is wrong and how to mend it.
type Error struct {
	Line int // From 1.
	Text string
	Why  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot read rule on line %d: %s: %q", e.Line, e.Why, e.Text)
}

// lines calls f for each rule of text with its tokens.
func lines(text string, f func(line int, raw string, tokens []token) error) error {
	if len(text) > MaxText {
		return fmt.Errorf("cannot read rules: %d bytes are more than the limit of %d; split the file by project", len(text), MaxText)
	}
	n, rules := 0, 0
	for text != "" {
		n++
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if rules++; rules > MaxRules {
			return &Error{n, clip(line), fmt.Sprintf("more than %d rules", MaxRules)}
		}
		tokens, why := tokenize(line)
		if why != "" {
			return &Error{n, clip(line), why}
		}
		if err := f(n, line, tokens); err != nil {
			return err
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 160 {
		return s[:160] + "..."
	}
	return s
}

// token is one word of a rule. key is set for key:value (matcher) and key=value
// (assign).
type token struct {
	text   string // Without quotes; of a matcher, its value.
	key    string
	negate bool
	assign bool
	quoted bool
}

// tokenize cuts a line into words. White space separates; a comma does too,
// outside quotes and {{ }}, after the arrow. Brackets of caller matchers are
// words of their own.
func tokenize(line string) (out []token, why string) {
	depth, arrow := 0, false
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case c == ' ' || c == '\t' || c == '\r' || arrow && c == ',':
			i++
			continue
		case c == '#' && i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') && !arrow:
			return out, ""
		case !arrow && (c == '[' || c == ']' || c == '|'):
			switch c {
			case '[':
				depth++
			case ']':
				depth--
			}
			out = append(out, token{text: string(c)})
			i++
		case strings.HasPrefix(line[i:], "->"):
			arrow = true
			out = append(out, token{text: "->"})
			i += 2
		default:
			t, next, w := word(line, i, arrow, depth > 0)
			if w != "" {
				return nil, w
			}
			out = append(out, t)
			i = next
		}
		if len(out) > MaxTokens {
			return nil, fmt.Sprintf("more than %d words", MaxTokens)
		}
	}
	return out, ""
}

func word(line string, i int, arrow, bracket bool) (token, int, string) {
	var t token
	if line[i] == '!' && !arrow {
		t.negate = true
		i++
	}
	if j := keyEnd(line, i); j > i {
		switch {
		case line[j] == ':' && !arrow:
			t.key, i = line[i:j], j+1
		case line[j] == '=' && (j+1 >= len(line) || line[j+1] != '='):
			t.key, t.assign, i = line[i:j], true, j+1
		}
	}
	if i >= len(line) {
		return t, i, "a value is missing after " + t.key
	}
	if line[i] == '"' {
		var b strings.Builder
		for i++; i < len(line); i++ {
			switch line[i] {
			case '\\':
				// Only quotes and backslashes are escaped: a glob keeps its own escapes.
				if i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\') {
					i++
				}
			case '"':
				t.text, t.quoted = b.String(), true
				return t, i + 1, ""
			}
			b.WriteByte(line[i])
		}
		return t, i, "a quote is not closed"
	}
	start, class := i, 0
	if arrow && strings.HasPrefix(line[i:], "{{") {
		end := strings.Index(line[i:], "}}")
		if end < 0 {
			return t, i, "{{ is not closed"
		}
		i += end + 2
		t.text = line[start:i]
		return t, i, ""
	}
	for ; i < len(line); i++ {
		c := line[i]
		if c == ' ' || c == '\t' || c == '\r' || arrow && c == ',' {
			break
		}
		if c == '[' {
			class++
		}
		if c == ']' {
			if class == 0 && bracket {
				break
			}
			class--
		}
	}
	t.text = line[start:i]
	return t, i, ""
}

// keyEnd is where a key that begins at i ends, or i.
func keyEnd(line string, i int) int {
	for j := i; j < len(line); j++ {
		c := line[j]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' {
			continue
		}
		if (c == ':' || c == '=') && j > i {
			return j
		}
		return i
	}
	return i
}
