// Package param replaces the parts of a message that vary by names: numbers,
// ids, dates, addresses. In: a message. Out: its first two lines with <int>,
// <uuid> and their like. It is linear in the input, which is bounded, and never
// learns from what it saw.
package param

// MaxBytes is how much of a message is read; a longer one is left as it is.
const MaxBytes = 8192

// Message parameterizes s.
func Message(s string) string {
	if len(s) > MaxBytes {
		s = s[:MaxBytes]
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if !alnum(s[i]) {
			b = append(b, s[i])
			i++
			continue
		}
		j, digits, hex := i, 0, true
		for ; j < len(s) && alnum(s[j]); j++ {
			c := s[j]
			if '0' <= c && c <= '9' {
				digits++
			} else if c|0x20 > 'f' {
				hex = false
			}
		}
		switch {
		case digits == j-i:
			b = append(b, "<int>"...)
		case hex && digits > 0 && j-i >= 8:
			b = append(b, "<hex>"...)
		default:
			b = append(b, s[i:j]...)
		}
		i = j
	}
	return string(b)
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
