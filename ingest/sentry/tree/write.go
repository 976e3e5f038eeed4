package tree

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"errata/ingest/node"
	"errata/schema"
)

// plain marks bytes that a JSON string holds as they are.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// plainWord reports whether eight bytes are all plain; it may say no where they
// are.
func plainWord(s string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	x := binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), 8))
	quote, slash := x^(ones*'"'), x^(ones*'\\')
	return (x|(x-ones*0x20)|(quote-ones)|(slash-ones))&high == 0
}

const hexDigits = "0123456789abcdef"

// AppendString writes s as a JSON string. Invalid UTF-8 becomes U+FFFD, control
// characters are escaped.
func AppendString(dst []byte, s string) []byte {
	if !allPlain(s) {
		return appendEscaped(dst, s)
	}
	return appendPlain(dst, s)
}

// appendPlain writes a text that needs no escapes.
func appendPlain(dst []byte, s string) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(s)+2)[:n+len(s)+2]
	dst[n] = '"'
	copy(dst[n+1:], s)
	dst[n+1+len(s)] = '"'
	return dst
}

// AppendText writes a value that is a string.
func AppendText(dst []byte, v *node.Value) []byte {
	if v.Plain() {
		return appendPlain(dst, v.Text())
	}
	return AppendString(dst, v.Text())
}

// AppendKey writes the name of a member and the colon behind it.
func AppendKey(dst []byte, m *node.Member) []byte {
	if !m.Plain() {
		return append(AppendString(dst, m.Key()), ':')
	}
	k := m.Key()
	n := len(dst)
	dst = slices.Grow(dst, len(k)+3)[:n+len(k)+3]
	dst[n] = '"'
	copy(dst[n+1:], k)
	dst[n+len(k)+1], dst[n+len(k)+2] = '"', ':'
	return dst
}

// allPlain reports whether a JSON string holds s as it is; it may say no where
// it does.
func allPlain(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if !plain[s[i]] {
				return false
			}
		}
		return true
	}
	for i := 0; i+8 <= len(s); i += 8 {
		if !plainWord(s[i : i+8]) {
			return false
		}
	}
	return plainWord(s[len(s)-8:])
}

func appendEscaped(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		for len(s)-i >= 8 && plainWord(s[i:i+8]) {
			i += 8
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= 0x80 {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			dst = append(append(dst, s[start:i]...), "\ufffd"...)
			i++
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// Append writes v as valid JSON.
func Append(dst []byte, v *node.Value) []byte { return appendDepth(dst, v, MaxDepth+1) }

func appendDepth(dst []byte, v *node.Value, depth int) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch v.Type() {
	case node.TypeString:
		return AppendText(dst, v)
	case node.TypeObject:
		if depth <= 0 {
			return append(dst, `"<trimmed>"`...)
		}
		dst = append(dst, '{')
		members := v.Members()
		for i := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			m := &members[i]
			dst = appendDepth(AppendKey(dst, m), m.Value(), depth-1)
		}
		return append(dst, '}')
	case node.TypeArray:
		if depth <= 0 {
			return append(dst, `"<trimmed>"`...)
		}
		dst = append(dst, '[')
		for i, c := range v.Elements() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendDepth(dst, c, depth-1)
		}
		return append(dst, ']')
	case node.TypeTrue:
		return append(dst, "true"...)
	case node.TypeFalse:
		return append(dst, "false"...)
	case node.TypeNumber:
		n := v.Number()
		switch {
		case validNumber(n):
			return append(dst, n...)
		case isNotFinite(n):
			return append(dst, "null"...)
		}
		return AppendString(dst, n)
	}
	return append(dst, "null"...)
}

// AppendTrimmed writes v with at most depth levels of nesting and about max
// bytes: strings are cut, further members left out. It reports whether anything
// was cut by size.
func AppendTrimmed(dst []byte, v *node.Value, depth, max int) ([]byte, bool) {
	start := len(dst)
	dst = appendDepth(dst, v, depth)
	if len(dst)-start <= max {
		return dst, false
	}
	t := trimmer{left: max}
	return t.value(dst[:start], v, depth), true
}

type trimmer struct{ left int }

func (t *trimmer) value(dst []byte, v *node.Value, depth int) []byte {
	start := len(dst)
	switch v.Type() {
	case node.TypeObject:
		if depth <= 0 {
			break
		}
		dst = append(dst, '{')
		t.left -= 2
		first := true
		members := v.Members()
		for i := range members {
			m := &members[i]
			if t.left <= len(m.Key())+4 {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			t.left -= len(m.Key()) + 4
			dst = t.value(AppendKey(dst, m), m.Value(), depth-1)
		}
		return append(dst, '}')
	case node.TypeArray:
		if depth <= 0 {
			break
		}
		dst = append(dst, '[')
		t.left -= 2
		for i, c := range v.Elements() {
			if t.left <= 1 {
				break
			}
			if i > 0 {
				dst = append(dst, ',')
				t.left--
			}
			dst = t.value(dst, c, depth-1)
		}
		return append(dst, ']')
	case node.TypeString:
		s := v.Text()
		if len(s) > t.left-2 {
			keep := max(t.left-5, 0)
			t.left = 0
			return AppendString(dst, Cut(s, keep)+"...")
		}
	}
	dst = appendDepth(dst, v, depth)
	t.left -= len(dst) - start
	return dst
}

// Cut shortens s to at most n bytes, at the border of a character.
func Cut(s string, n int) string { return schema.Cut(s, n) }

// CutChars shortens s to at most n characters; a cut string ends in "...".
func CutChars(s string, n int) (string, bool) {
	if len(s) <= n {
		return s, false
	}
	count, keep := 0, 0
	for i := range s {
		if count == n-3 {
			keep = i
		}
		if count == n {
			return s[:keep] + "...", true
		}
		count++
	}
	return s, false
}

func isNotFinite(n string) bool {
	n = strings.TrimLeft(n, "+-")
	return len(n) >= 3 && (strings.EqualFold(n[:3], "nan") || strings.EqualFold(n[:3], "inf"))
}

// validNumber checks JSON's grammar of numbers.
func validNumber(s string) bool {
	i := 0
	digits := func() int {
		n := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i - n
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	first := i
	n := digits()
	if n == 0 || n > 1 && s[first] == '0' {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if digits() == 0 {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if digits() == 0 {
			return false
		}
	}
	return i == len(s)
}
