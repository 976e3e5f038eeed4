package detect

import "strings"

// escape decodes a character of a URL that is escaped once or, as in a URL that
// is the parameter of another, several times: %3D and %253D. n is 0 where there
// is none.
func escape(v string, i int) (c byte, n int) {
	if v[i] != '%' {
		return 0, 0
	}
	j := i + 1
	for j+4 <= len(v) && v[j] == '2' && v[j+1] == '5' && nibble(v[j+2]) >= 0 && nibble(v[j+3]) >= 0 {
		j += 2
	}
	if j+2 > len(v) {
		return 0, 0
	}
	high, low := nibble(v[j]), nibble(v[j+1])
	if high < 0 || low < 0 {
		return 0, 0
	}
	return byte(high<<4 | low), j + 2 - i
}

func nibble(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// escaped does for escaped text what pairs and urlAuth do for plain text: a URL
// or a JSON document that is the parameter of a URL.
func (d Detector) escaped(v string, c Counts) string {
	e := edit{s: v}
	for i := 0; i < len(v); i++ {
		if v[i] != '%' {
			continue
		}
		ch, n := escape(v, i)
		if n == 0 {
			continue
		}
		from, to := 0, 0
		rule := RulePair
		switch {
		case ch == '=', ch == ':' && strings.HasPrefix(nextEscaped(v, i+n), `"`):
			if !d.names.Secret(escapedName(v, i)) {
				continue
			}
			from = i + n
			if b, m := escape(v, min(from, len(v)-1)); m > 0 && (b == '"' || b == '\'') {
				from += m
			}
			to = escapedEnd(v, from, "&;, \"'}]\n#")
		case ch == ':' && nextEscaped(v, i+n) == "//":
			host := i + n
			for range 2 {
				if _, m := escape(v, host); m > 0 {
					host += m
				} else {
					host++
				}
			}
			from, to, rule = host, escapedAuth(v, host, escapedEnd(v, host, "/?#& \"'<>\n")), RuleURLAuth
		default:
			i += n - 1
			continue
		}
		if from < to && !strings.HasPrefix(v[from:], Filtered) {
			e.replace(from, to, Filtered)
			c.Add(rule)
		}
		i = max(i+n, to) - 1
	}
	return e.done()
}

// nextEscaped decodes the next two characters: a quote is enough alone.
func nextEscaped(v string, at int) string {
	out := make([]byte, 0, 2)
	for at < len(v) && len(out) < 2 {
		b, n := escape(v, at)
		if n == 0 {
			b, n = v[at], 1
		}
		out = append(out, b)
		at += n
	}
	return string(out)
}

// escapedName returns the name that ends before an escaped separator, without
// the brackets and quotes around it.
func escapedName(v string, end int) string {
	for range 3 {
		start := end
		for start > 0 && end-start < 64 && ident(v[start-1]) {
			start--
		}
		if start == 0 || v[start-1] != '%' {
			return v[start:end]
		}
		_, n := escape(v, start-1)
		if name := start - 1 + n; n > 0 && name < end {
			return v[name:end]
		}
		end = start - 1 // What stands before the separator is itself escaped.
	}
	return ""
}

// escapedEnd returns where the first of stops is, plain or escaped.
func escapedEnd(v string, to int, stops string) int {
	for to < len(v) {
		b, n := escape(v, to)
		if n == 0 {
			b, n = v[to], 1
		}
		if strings.IndexByte(stops, b) >= 0 {
			break
		}
		to += n
	}
	return to
}

// escapedAuth returns where user and password before a host end, or from where
// there are none.
func escapedAuth(v string, from, to int) int {
	colon, at := false, from
	for i := from; i < to; {
		b, n := escape(v, i)
		if n == 0 {
			b, n = v[i], 1
		}
		colon = colon || b == ':'
		if b == '@' && colon {
			at = i
		}
		i += n
	}
	return at
}
