// Package param replaces the parts of a message that vary by names: numbers,
// ids, dates, addresses. In: a message. Out: its first two lines with <int>,
// <uuid> and their like. It is linear in the input, which is bounded, and never
// learns from what it saw.
package param

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Version names the patterns; a change of one that moves a message is a new file.
const Version = "2026-11"

// MaxBytes is how much of a message is read; the rest does not count.
const MaxBytes = 8192

// look is how far one pattern may look from where it starts: with it the whole
// is linear in the message.
const look = 256

//go:embed patterns-2026-11.txt
var text string

var patterns = mustLoad(text)

// pattern is one line of the data file.
type pattern struct {
	out  string
	scan func(s string, i int) int // End of the match that begins at i, or -1.
	re   *regexp.Regexp
	name bool // The expression begins with a letter.
}

var scanners = map[string]func(s string, i int) int{
	"@email": email, "@url": url, "@hostname": hostname, "@traceparent": traceparent, "@uuid": uuid,
	"@hex40": func(s string, i int) int { return hexRun(s, i, 40) },
	"@hex32": func(s string, i int) int { return hexRun(s, i, 32) },
	"@ip":    ip, "@hex": hex, "@git_sha": gitSHA, "@uniq_id": uniqID, "@float": float, "@int": integer,
}

func mustLoad(text string) []pattern {
	p, err := load(text)
	if err != nil {
		panic(err) // The file is compiled in: a test reads it.
	}
	return p
}

// load joins neighbouring expressions of one name that begin alike into one, so
// that a place is tried once.
func load(text string) ([]pattern, error) {
	var out []pattern
	type group struct{ digits, letters []string }
	var dates group
	var name string
	flush := func() error {
		for i, list := range [][]string{dates.digits, dates.letters} {
			if len(list) == 0 {
				continue
			}
			re, err := regexp.Compile("^(?:" + strings.Join(list, "|") + ")")
			if err != nil {
				return fmt.Errorf("cannot read pattern %s: %w", name, err)
			}
			out = append(out, pattern{out: "<" + name + ">", re: re, name: i == 1})
		}
		dates = group{}
		return nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		n, expr, _ := strings.Cut(line, " ")
		expr = strings.TrimSpace(expr)
		if n != name || expr[0] == '@' {
			if err := flush(); err != nil {
				return nil, err
			}
			name = n
		}
		if expr[0] == '@' {
			scan, ok := scanners[expr]
			if !ok {
				return nil, fmt.Errorf("cannot read pattern %s: no scanner %s", n, expr)
			}
			out = append(out, pattern{out: "<" + n + ">", scan: scan})
			continue
		}
		if strings.HasPrefix(expr, `\d`) || strings.HasPrefix(expr, "(?:1") || strings.HasPrefix(expr, "(?:[0") {
			dates.digits = append(dates.digits, expr)
		} else {
			dates.letters = append(dates.letters, expr)
		}
	}
	return out, flush()
}

// Message is the parameterized form of the first two lines of s that are not
// blank, with "..." where more was there.
func Message(s string) string { return Text(trim(s)) }

func trim(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 && len(s) <= MaxBytes {
		return s
	}
	var kept [2]string
	n := 0
	for rest := s; rest != "" && n < 2; {
		line := rest
		if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if strings.TrimSpace(line) != "" {
			kept[n] = line
			n++
		}
	}
	t := kept[0]
	if n == 2 {
		t += "\n" + kept[1]
	}
	if len(t) > MaxBytes {
		t = t[:MaxBytes]
	}
	if t != s {
		t += "..."
	}
	return t
}

// Text is the parameterized form of s, which is read to MaxBytes and a little.
func Text(s string) string {
	if len(s) > MaxBytes+3 {
		s = s[:MaxBytes+3]
	}
	// Nothing varies without a digit, but for what follows an equals sign, an
	// at sign or a dot.
	if !strings.ContainsAny(s, "0123456789=@.:") {
		return s
	}
	b := make([]byte, 0, len(s)+32)
	at := strings.IndexByte(s, '@') >= 0
	for i := 0; i < len(s); {
		c := s[i]
		if c == '=' && i+1 < len(s) {
			if out, end := afterEquals(s, i+1); end > 0 {
				b = append(append(b, '='), out...)
				i = end
				continue
			}
		}
		if (c == '\'' || c == '"') && afterKey(s, i) {
			if end := quoted(s, i); end > 0 {
				b = append(b, "<json_str_val>"...)
				i = end
				continue
			}
		}
		start := word[c] && (i == 0 || !word[s[i-1]])
		if start || c == '-' && signed(s, i) || c == ':' && strings.HasPrefix(s[i:], "::") {
			if out, end := match(s, i, at); end > 0 {
				b = append(b, out...)
				i = end
				continue
			}
		}
		if start {
			// The word fits nothing: none of its tail starts a word.
			for i < len(s) && word[s[i]] {
				b = append(b, s[i])
				i++
			}
			continue
		}
		b = append(b, c)
		i++
	}
	return string(b)
}

func match(s string, i int, at bool) (string, int) {
	c := s[i]
	digit := '0' <= c && c <= '9'
	for k := range patterns {
		p := &patterns[k]
		if p.scan != nil {
			if k == 0 && !at {
				continue
			}
			if end := p.scan(s, i); end > 0 {
				return p.out, end
			}
			continue
		}
		if p.name == digit || !digit && !calendar(s, i) || digit && !clock(s, i) {
			continue
		}
		if m := p.re.FindStringIndex(s[i:min(len(s), i+look)]); m != nil && edge(s, i+m[1]) {
			return p.out, i + m[1]
		}
	}
	return "", 0
}

// calendar says whether a name of a day or month, or datetime., begins at i.
func calendar(s string, i int) bool {
	if len(s)-i < 4 {
		return false
	}
	switch s[i : i+3] {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	case "dat":
		return strings.HasPrefix(s[i:], "datetime.")
	}
	return false
}

// clock says whether the digits at i may begin a date, a time or a duration.
func clock(s string, i int) bool {
	j := i
	for j < len(s) && j-i < 20 && '0' <= s[j] && s[j] <= '9' {
		j++
	}
	if j >= len(s) {
		return false
	}
	switch c := s[j]; c {
	case '-', '/':
		return j-i == 4 || j-i <= 2
	case ':':
		return j-i <= 2
	case ' ':
		return j-i <= 2 || j-i == 8
	case 'T':
		return j-i == 8
	case '.', 'm', 's', 'u', 'n', 'h', 0xC2, 0xCE, 'A', 'P', 'a', 'p':
		return true
	}
	return false
}

// edge says whether a match may end at i.
func edge(s string, i int) bool {
	if i >= len(s) {
		return true
	}
	if s[i] < utf8.RuneSelf {
		return !word[s[i]]
	}
	return true
}

var word = func() (t [256]bool) {
	for c := range t {
		t[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
	}
	return t
}()

// afterEquals reads a quoted string or a truth value right after an equals sign.
func afterEquals(s string, i int) (string, int) {
	if s[i] == '\'' || s[i] == '"' {
		if end := quoted(s, i); end > 0 {
			return "<quoted_str>", end
		}
		return "", 0
	}
	for _, v := range [...]string{"true", "false", "True", "False"} {
		if strings.HasPrefix(s[i:], v) && edge(s, i+len(v)) {
			return "<bool>", i + len(v)
		}
	}
	return "", 0
}

// quoted is the end of the quoted string at i, or 0.
func quoted(s string, i int) int {
	q := s[i]
	for j := i + 1; j < len(s) && j-i < 4*look; j++ {
		if s[j] == '\\' {
			j++
			continue
		}
		if s[j] == q {
			return j + 1
		}
	}
	return 0
}

// afterKey says whether the quote at i opens a value: 'key': 'value'.
func afterKey(s string, i int) bool {
	j := i - 1
	if j >= 0 && s[j] == ' ' {
		j--
	}
	return j >= 1 && s[j] == ':' && s[j-1] == s[i]
}

// signed says whether the minus at i belongs to a number: it joins no words.
func signed(s string, i int) bool {
	if i+1 >= len(s) || s[i+1] < '0' || s[i+1] > '9' {
		return false
	}
	return i == 0 || !word[s[i-1]] && s[i-1] != '-' && s[i-1] != ')' && s[i-1] != '>'
}
