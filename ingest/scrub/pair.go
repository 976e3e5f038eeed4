package scrub

import "strings"

// pairs finds names with values inside a text: ?token=x&a=b in URLs, form
// bodies, "password": "x" in JSON and in what Python prints of a dict. Values of
// secret names are taken out. With loose, unquoted values of name=value count
// too; in messages and source lines they do not, because code is full of them.
func (s *Scrubber) pairs(v string, loose bool, c Counts) string {
	e := edit{s: v}
	for i := 1; i < len(v)-1; i++ {
		sep := v[i]
		if sep != '=' && sep != ':' {
			continue
		}
		end := i
		for end > 0 && v[end-1] == ' ' {
			end--
		}
		if end == 0 {
			continue
		}
		quoted := v[end-1] == '"' || v[end-1] == '\''
		if quoted {
			end--
			for end > 0 && v[end-1] == '\\' {
				end-- // JSON inside of JSON, however often.
			}
		}
		start := end
		for start > 0 && end-start < 64 && (ident(v[start-1]) || quoted && v[start-1] == '.') {
			start--
		}
		if start == end || start < e.last {
			continue
		}
		before := byte(0)
		if start > 0 {
			before = v[start-1]
		}
		query := sep == '=' && (before == '?' || before == '&' || before == ';' || before == 0 && strings.IndexByte(v, ' ') < 0)
		if sep == ':' && !quoted {
			continue
		}
		name := v[start:end]
		if !s.names.secret(name) {
			continue
		}
		from := i + 1
		for from < len(v) && v[from] == ' ' {
			from++
		}
		if from >= len(v) {
			break
		}
		mark := v[from]
		escapes := 0
		for from+escapes+1 < len(v) && v[from+escapes] == '\\' {
			escapes++
		}
		if next := v[from+escapes]; escapes > 0 && (next == '"' || next == '\'') {
			from += escapes
			mark = next
		} else {
			escapes = 0
		}
		if (mark == 'b' || mark == 'u' || mark == 'r') && from+1 < len(v) && (v[from+1] == '"' || v[from+1] == '\'') {
			from++
			mark = v[from]
		}
		to := from
		switch {
		case mark == '"' || mark == '\'':
			from++
			to = quoteEnd(v, from, mark, escapes)
		case query || loose:
			for to < len(v) && strings.IndexByte("&; ,)}]\n\"'", v[to]) < 0 {
				to++
			}
			if word := v[from:to]; word == "None" || word == "null" || word == "true" || word == "false" || word == "True" || word == "False" {
				continue
			}
		default:
			continue
		}
		if from >= to || v[from:to] == filtered || strings.HasPrefix(v[from:], filtered) {
			continue
		}
		e.replace(from, to, filtered)
		c.add(rulePair)
		i = to - 1
	}
	return e.done()
}

// quoteEnd returns where a quoted text ends whose quotes stand behind a number
// of backslashes; more of them are part of the text.
func quoteEnd(v string, from int, mark byte, escapes int) int {
	run := 0
	for to := from; to < len(v); to++ {
		switch {
		case v[to] == '\\':
			run++
			continue
		case v[to] == mark && (escapes == 0 && run%2 == 0 || escapes > 0 && run <= escapes):
			return to - run
		}
		run = 0
	}
	return len(v)
}

// cookies keeps the names of a Cookie header and the values of those that carry
// no session.
func (s *Scrubber) cookies(v string, c Counts) string {
	parts := strings.Split(v, ";")
	changed := false
	for i, p := range parts {
		name, value, ok := strings.Cut(p, "=")
		if ok && value != filtered && s.names.cookie(strings.TrimSpace(name)) {
			parts[i] = name + "=" + filtered
			changed = true
			c.add(ruleCookie)
		}
	}
	if !changed {
		return v
	}
	return strings.Join(parts, ";")
}
