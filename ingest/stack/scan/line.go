package scan

import (
	"strconv"
	"strings"
)

// LineAt is the line of text that starts at pos, and where the next one starts.
// At the end of the text next is -1.
func LineAt(text string, pos int) (line string, next int) {
	if pos >= len(text) {
		return "", -1
	}
	if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
		line, next = text[pos:pos+i], pos+i+1
	} else {
		line, next = text[pos:], len(text)
	}
	return strings.TrimSuffix(line, "\r"), next
}

// Number reads an unsigned decimal that is all of s and not absurdly long.
func Number(s string) (uint32, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := uint32(0)
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint32(s[i]-'0')
	}
	return n, true
}

// LeadingNumber reads the digits that s begins with and returns the rest.
func LeadingNumber(s string) (n uint32, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, ok = Number(s[:i])
	return n, s[i:], ok
}

// Digits spells n.
func Digits(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// CutLast cuts s around the last sep.
func CutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Place reads `file:line:column` or `file:line`.
func Place(s string) (file string, line, column uint32, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, 0, false
	}
	last, ok := Number(s[i+1:])
	if !ok {
		return "", 0, 0, false
	}
	file, line = s[:i], last
	if j := strings.LastIndexByte(file, ':'); j >= 0 {
		if n, ok := Number(file[j+1:]); ok {
			file, line, column = file[:j], n, last
		}
	}
	if rest, ok := strings.CutPrefix(file, "file://"); ok && strings.HasPrefix(rest, "/") {
		file = rest
	}
	return file, line, column, true
}
