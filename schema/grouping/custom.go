package grouping

import "strings"

// custom says whether the client's fingerprint is more than the default.
func custom(fp []string) bool {
	if len(fp) == 0 {
		return false
	}
	return len(fp) > 1 || variable(fp[0]) != "default"
}

// variable is the name inside {{ }}, or empty.
func variable(s string) string {
	if !strings.HasPrefix(s, "{{") || !strings.HasSuffix(s, "}}") {
		return ""
	}
	return strings.TrimSpace(s[2 : len(s)-2])
}

func (r *run) spliced(fp []string, def uint64) uint64 {
	h := newHasher()
	for _, part := range fp {
		if variable(part) == "default" {
			h.number(kindDefault, def)
			continue
		}
		h.text(kindCustom, part)
	}
	return h.sum()
}
