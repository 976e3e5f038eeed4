package param

import (
	"net/netip"
	"strings"
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// email reads local@domain.
func email(s string, i int) int {
	j := i
	for j < len(s) && j-i <= 64 && (word[s[j]] || strings.IndexByte("!#$%&'*+-/=?^`{|}~.", s[j]) >= 0) {
		j++
	}
	if j == i || j >= len(s) || s[j] != '@' {
		return -1
	}
	start := j + 1
	end, dots := labels(s, start)
	if dots == 0 || !edge(s, end) {
		return -1
	}
	return end
}

// labels reads a dotted name and counts its dots.
func labels(s string, i int) (end, dots int) {
	j := i
	for j < len(s) && j-i < look {
		c := s[j]
		if c == '.' {
			if j+1 >= len(s) || !isAlpha(s[j+1]) && !isDigit(s[j+1]) || j == i {
				break
			}
			dots++
		} else if !isAlpha(c) && !isDigit(c) && c != '-' {
			break
		}
		j++
	}
	for j > i && s[j-1] == '-' {
		j--
	}
	return j, dots
}

func url(s string, i int) int {
	switch s[i] {
	case 'h', 'w', 'f', 'H':
	default:
		return -1
	}
	for _, scheme := range [...]string{"https://", "http://", "wss://", "ws://", "ftp://", "HTTP://", "HTTPS://"} {
		if !strings.HasPrefix(s[i:], scheme) {
			continue
		}
		j := i + len(scheme)
		for j < len(s) && s[j] > ' ' && strings.IndexByte(`"'<>|\^{}[]`+"`", s[j]) < 0 {
			j++
		}
		for j > i && strings.IndexByte(".,;:!?)", s[j-1]) >= 0 {
			j--
		}
		if j == i+len(scheme) {
			return -1
		}
		return j
	}
	return -1
}

// Domains that end nothing else: two labels are enough.
var plainTLD = set("com net org edu gov mil io dev ai biz eu uk de fr nl ch jp cn br ru ca au se fi dk cz kr tw hk sg nz za mx cloud tech xyz")

// Domains that end attribute names as well: three labels are needed.
var doubtfulTLD = set("co info app site online store shop name pro us es at be is in it to me no ie pt pl ar cl tr gr il local internal lan corp home svc")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

func hostname(s string, i int) int {
	if i > 0 && s[i-1] == '.' || !isAlpha(s[i]) && !isDigit(s[i]) {
		return -1
	}
	end, dots := labels(s, i)
	if dots == 0 || !edge(s, end) {
		return -1
	}
	name := s[i:end]
	tld := name[strings.LastIndexByte(name, '.')+1:]
	if plainTLD[tld] || dots >= 2 && doubtfulTLD[tld] {
		return end
	}
	return -1
}

// hexes counts hex digits from i, up to n.
func hexes(s string, i, n int) bool {
	if len(s)-i < n {
		return false
	}
	for k := range n {
		if !isHex(s[i+k]) {
			return false
		}
	}
	return true
}

// dashed reads groups of hex digits joined by dashes.
func dashed(s string, i int, groups ...int) int {
	for g, n := range groups {
		if g > 0 {
			if i >= len(s) || s[i] != '-' {
				return -1
			}
			i++
		}
		if !hexes(s, i, n) {
			return -1
		}
		i += n
	}
	if !edge(s, i) {
		return -1
	}
	return i
}

func traceparent(s string, i int) int {
	if end := dashed(s, i, 2, 32, 16, 2); end > 0 {
		return end
	}
	if s[i] == '1' {
		return dashed(s, i, 1, 8, 24)
	}
	return -1
}

func uuid(s string, i int) int { return dashed(s, i, 8, 4, 4, 4, 12) }

func hexRun(s string, i, n int) int {
	if !hexes(s, i, n) || !edge(s, i+n) {
		return -1
	}
	return i + n
}

// ip reads an IPv4 or IPv6 address; Foo::bar() is none.
func ip(s string, i int) int {
	if i > 0 && (s[i-1] == '.' || s[i-1] == ':') {
		return -1
	}
	j, dots, colons, digits := i, 0, 0, 0
	for j < len(s) && j-i < 46 {
		c := s[j]
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case isDigit(c):
			digits++
		case !isHex(c):
			goto done
		}
		j++
		if colons == 1 && dots == 3 {
			j-- // An IPv4 address and its port.
			break
		}
	}
done:
	for j > i && (s[j-1] == '.' || s[j-1] == ':' && !strings.HasSuffix(s[i:j], "::")) {
		j--
	}
	if dots < 3 && colons < 2 || digits == 0 || !edge(s, j) || j < len(s) && s[j] == '(' {
		return -1
	}
	if _, err := netip.ParseAddr(s[i:j]); err != nil {
		return -1
	}
	return j
}

// wordEnd is the end of the word at i, and what is in it.
func wordEnd(s string, i int) (end, digits, letters int) {
	for end = i; end < len(s) && word[s[end]]; end++ {
		if isDigit(s[end]) {
			digits++
		} else {
			letters++
		}
	}
	return end, digits, letters
}

// hex reads 0x and digits, or a bare run of 8 to 128 of one case with a digit
// and a letter. Digits alone are a number, however many.
func hex(s string, i int) int {
	if strings.HasPrefix(s[i:], "0x") || strings.HasPrefix(s[i:], "0X") {
		j := i + 2
		for j < len(s) && isHex(s[j]) {
			j++
		}
		if j == i+2 || !edge(s, j) {
			return -1
		}
		return j
	}
	end := oneCaseHex(s, i)
	if n := end - i; end < 0 || n < 8 || n > 128 {
		return -1
	}
	return end
}

// gitSHA reads the short form: seven, with letters and digits.
func gitSHA(s string, i int) int {
	if end := oneCaseHex(s, i); end == i+7 {
		return end
	}
	return -1
}

func oneCaseHex(s string, i int) int {
	j, digits, lower, upper := i, 0, 0, 0
	for ; j < len(s) && isHex(s[j]); j++ {
		switch {
		case isDigit(s[j]):
			digits++
		case s[j] >= 'a':
			lower++
		default:
			upper++
		}
	}
	if digits == 0 || lower > 0 == (upper > 0) || !edge(s, j) {
		return -1
	}
	return j
}

// uniqID reads a word that looks drawn by lot, with the short neighbours that a
// dash or a dot joins to it where they hold digits too.
func uniqID(s string, i int) int {
	found, last := false, -1
	for j := i; j < len(s) && j-i < look; {
		end, digits, letters := wordEnd(s, j)
		if digits == 0 {
			break
		}
		if letters > 0 && random(s[j:end], digits) {
			found = true
		} else if end-j > 12 && letters > 0 {
			break
		}
		last = end
		if end+1 >= len(s) || s[end] != '-' && s[end] != '.' || !word[s[end+1]] {
			break
		}
		j = end + 1
	}
	if !found {
		return -1
	}
	return last
}

// random says whether a word changes between digits, cases and letters too
// often for a name. The figures were set on identifiers of real programs.
func random(w string, digits int) bool {
	const (
		shortest = 12
		long     = 16
		longRun  = 10 // Digits in a row: no version and no year.
		manyRuns = 4  // Of digits, in one word without underscores.
	)
	if len(w) < shortest {
		return false
	}
	parts, run, runs, under, prev := 0, 0, 0, false, byte(0)
	for k := 0; k < len(w); k++ {
		var kind byte
		switch c := w[k]; {
		case isDigit(c):
			kind = 'd'
			if run++; run >= longRun {
				return true
			}
			if run == 1 {
				runs++
			}
		case 'A' <= c && c <= 'Z':
			kind = 'U'
		case c == '_':
			kind, under = '_', true
		default:
			kind = 'l'
		}
		if kind != 'd' {
			run = 0
		}
		if kind != prev && !(prev == 'U' && kind == 'l') && kind != '_' {
			parts++
		}
		prev = kind
	}
	if runs >= manyRuns && !under {
		return true
	}
	// Mean length of a part: up to 3 in long words, 2 in short ones.
	if len(w) >= long {
		return digits >= 2 && len(w) <= parts*3
	}
	return digits >= 2 && len(w) <= parts*2
}

// float reads digits.digits with a sign and an exponent.
func float(s string, i int) int {
	j := sign(s, i)
	start := j
	for j < len(s) && isDigit(s[j]) {
		j++
	}
	if j == start || j+1 >= len(s) || s[j] != '.' || !isDigit(s[j+1]) {
		return -1
	}
	for j++; j < len(s) && isDigit(s[j]); j++ {
	}
	if j < len(s) && s[j]|0x20 == 'e' {
		k := j + 1
		if k < len(s) && (s[k] == '-' || s[k] == '+') {
			k++
		}
		n := k
		for k < len(s) && isDigit(s[k]) {
			k++
		}
		if k > n {
			j = k
		}
	}
	if !edge(s, j) {
		return -1
	}
	return j
}

func integer(s string, i int) int {
	j := sign(s, i)
	start := j
	for j < len(s) && isDigit(s[j]) {
		j++
	}
	if j == start || !edge(s, j) {
		return -1
	}
	return j
}

func sign(s string, i int) int {
	if s[i] == '-' {
		return i + 1
	}
	return i
}
