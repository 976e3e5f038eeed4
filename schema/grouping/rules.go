package grouping

import "strings"

// SplitRules reads a rule file that people review: frame rules and fingerprint
// rules mixed, one a line. A line with an arrow (->) outside quotes is a
// fingerprint rule. Lines keep their numbers, so that errors name them.
func SplitRules(text string) Rules {
	var prints, frames strings.Builder
	for text != "" {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i+1], text[i+1:]
		} else {
			text = ""
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			prints.WriteByte('\n')
			frames.WriteByte('\n')
		case arrow(trimmed):
			prints.WriteString(line)
			frames.WriteByte('\n')
		default:
			frames.WriteString(line)
			prints.WriteByte('\n')
		}
	}
	r := Rules{Fingerprint: prints.String(), InApp: frames.String()}
	if strings.TrimSpace(r.Fingerprint) == "" {
		r.Fingerprint = ""
	}
	if strings.TrimSpace(r.InApp) == "" {
		r.InApp = ""
	}
	return r
}

// arrow finds -> outside quotes.
func arrow(line string) bool {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '-':
			if !quoted && strings.HasPrefix(line[i:], "->") {
				return true
			}
		}
	}
	return false
}

// Compact is a rule set without blank lines and comments: what is stored.
func (r Rules) Compact() Rules {
	return Rules{Fingerprint: strings.Join(r.lines(r.Fingerprint), "\n"), InApp: strings.Join(r.lines(r.InApp), "\n")}
}

// Lines are the rules of both kinds, frame rules first, one a line.
func (r Rules) Lines() []string { return append(r.lines(r.InApp), r.lines(r.Fingerprint)...) }

func (Rules) lines(text string) []string {
	var out []string
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			out = append(out, l)
		}
	}
	return out
}
