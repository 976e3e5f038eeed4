package attribute

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// AppendString writes s as a JSON string, valid whatever s holds. What lies
// between two characters that need an escape is copied in one piece: most texts
// have none.
func AppendString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(slices.Grow(b, len(s)+2), '"')
	for from := 0; ; {
		i := unescaped(s, from)
		b = append(b, s[from:i]...)
		if i == len(s) {
			return append(b, '"')
		}
		if c := s[i]; c == '"' || c == '\\' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		from = i + 1
	}
}

// unescaped returns where the first character from i on stands that JSON does not
// hold as it is; the length of s where there is none.
func unescaped(s string, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i < len(s); i++ {
		for len(s)-i >= 8 {
			x := binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s[i:]), 8))
			quote, slash := x^(ones*'"'), x^(ones*'\\')
			// A byte below the one that is taken from it borrows: its high bit is set,
			// as that of letters beyond ASCII is, which are looked at one by one.
			if (x|(x-ones*0x20)|(quote-ones)|(slash-ones))&high != 0 {
				break
			}
			i += 8
		}
		if i == len(s) {
			break
		}
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}
