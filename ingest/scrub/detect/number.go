package detect

import (
	"strings"
	"unicode/utf8"
)

// glyph reads a digit or a separator of groups at i: ASCII, or the wide digits,
// blanks and dashes that forms and word processors write. n is 0 for all else.
func glyph(v string, i int) (d byte, isDigit bool, n int) {
	switch c := v[i]; {
	case digit(c):
		return c - '0', true, 1
	case c == ' ' || c == '-':
		return 0, false, 1
	case c < 0x80:
		return 0, false, 0
	}
	switch r, n := utf8.DecodeRuneInString(v[i:]); {
	case r >= '\uff10' && r <= '\uff19':
		return byte(r - '\uff10'), true, n
	case r == '\u00a0' || r == '\u202f' || r >= '\u2007' && r <= '\u2013' || r == '\u2212':
		return 0, false, n
	}
	return 0, false, 0
}

// Numbers finds card numbers: 13 to 19 digits in one run or in groups with
// single spaces or dashes, a known first digit, and a right check digit.
func Numbers(v string, c Counts) string {
	if !longNumber(v) {
		return v
	}
	e := edit{s: v}
	for i := 0; i < len(v); i++ {
		if v[i] < '0' || v[i] > '9' && v[i] != 0xef {
			continue
		}
		if _, is, _ := glyph(v, i); !is {
			continue
		}
		if i > 0 && (ident(v[i-1]) && v[i-1] != '-' || v[i-1] == '.') {
			for i < len(v) && (ident(v[i]) || v[i] == '.') {
				i++
			}
			continue
		}
		var d [20]byte
		n, end := 0, i
		for j := i; j < len(v) && n < len(d); {
			x, is, size := glyph(v, j)
			if size == 0 {
				break
			}
			j += size
			if is {
				d[n] = x
				n++
				end = j
			} else if j >= len(v) {
				break
			} else if _, next, _ := glyph(v, j); !next {
				break
			}
		}
		follows := end < len(v) && (ident(v[end]) && v[end] != '-')
		if n >= 13 && n <= 19 && !follows && cardStart(d[:n]) && luhn(d[:n]) {
			e.replace(i, end, "[creditcard]")
			c.Add(RuleCard)
		}
		i = max(end, i+1) - 1
		for i+1 < len(v) && digit(v[i+1]) {
			i++
		}
	}
	return e.done()
}

// leastNumber is how many bytes a number of a card has at least.
const leastNumber = 13

// longNumber reports whether 13 digits may stand together in v, or in groups. Most
// texts with as many have a time, an address or a version. Each 13th byte is looked
// at, and those before it only while they may belong to a number.
func longNumber(v string) bool {
	for i := 0; i+leastNumber <= len(v); {
		j := i + leastNumber - 1
		for j >= i && numberByte[v[j]] != 0 {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		seen, n := uint8(0), 0
		for ; i < len(v) && numberByte[v[i]] != 0; i++ {
			seen |= numberByte[v[i]]
			if digit(v[i]) {
				n++
			}
		}
		if n >= 13 || seen&isWide != 0 {
			return true
		}
	}
	return false
}

const (
	isNarrow = 1 << iota
	isWide
)

// numberByte says which bytes a number may have: digits, what parts its groups, and
// all of wide characters.
var numberByte = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= 0x80:
			t[c] = isWide
		case digit(byte(c)) || c == ' ' || c == '-':
			t[c] = isNarrow
		}
	}
	return
}()

func cardStart(d []byte) bool {
	two := int(d[0])*10 + int(d[1])
	switch {
	case d[0] == 4:
		return len(d) == 13 || len(d) == 16 || len(d) == 19
	case two >= 51 && two <= 55, two >= 22 && two <= 27:
		return len(d) == 16
	case two == 34 || two == 37:
		return len(d) == 15
	case two == 30 || two == 36 || two == 38 || two == 39:
		return len(d) == 14 || len(d) == 16
	case two == 35:
		return len(d) == 16
	case d[0] == 6:
		return len(d) >= 16
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		x := int(d[len(d)-1-i])
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return sum%10 == 0
}

// ibanLengths is how many characters the account numbers of a country have.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28,
	"CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
	"GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32,
	"LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18,
	"NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19,
	"SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// IBAN finds account numbers by country, length and check digits, in capitals
// or all small. They have 15 characters at least, and nothing but letters, digits and
// blanks: texts of which no part is as long are passed over by steps.
func IBAN(v string, c Counts) string {
	e := edit{s: v}
	for i := 0; i+leastAccount <= len(v); {
		j := i + leastAccount - 1
		for j >= i && accountByte[v[j]] {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		end := i + leastAccount
		for end < len(v) && accountByte[v[end]] {
			end++
		}
		accounts(&e, i, end, c)
		i = end
	}
	return e.done()
}

const leastAccount = 15

var accountByte = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = digit(b) || upper(b) || lower(b) || b == ' '
	}
	return
}()

// accounts takes out the account numbers between from and to.
func accounts(e *edit, from, to int, c Counts) {
	v := e.s
	for i := from; i+leastAccount <= to; i++ {
		if !digit(v[i+3]) {
			i++ // Nor does one begin at the next byte.
			continue
		}
		if !digit(v[i+2]) || !upper(v[i]&^0x20) || !upper(v[i+1]&^0x20) || lower(v[i]) != lower(v[i+1]) || i > 0 && ident(v[i-1]) {
			continue
		}
		want := ibanLengths[string([]byte{v[i] &^ 0x20, v[i+1] &^ 0x20})]
		if want == 0 {
			continue
		}
		small := lower(v[i])
		var d [34]byte
		n, end := 0, i
		for j := i; j < len(v) && n < want; j++ {
			switch x := v[j]; {
			case digit(x), upper(x) && !small:
				d[n] = x
			case lower(x) && small:
				d[n] = x &^ 0x20
			case x == ' ' && end == j:
				continue // Groups are parted by single spaces.
			default:
				j = len(v)
				continue
			}
			n++
			end = j + 1
		}
		if n == want && (end == len(v) || !ident(v[end])) && mod97(d[:n]) == 1 {
			e.replace(i, end, "[iban]")
			c.Add(RuleIBAN)
			i = end - 1
		}
	}
}

func mod97(d []byte) int {
	m := 0
	for i := range d {
		c := d[(i+4)%len(d)]
		if digit(c) {
			m = (m*10 + int(c-'0')) % 97
		} else {
			m = (m*100 + int(c-'A') + 10) % 97
		}
	}
	return m
}

// ssn finds US social security numbers: 3-2-4 digits, without the ranges that
// were never given out.
func ssn(v string, c Counts) string {
	e := edit{s: v}
	for at := 3; at < len(v); {
		dash := strings.IndexByte(v[at:], '-')
		if dash < 0 {
			break
		}
		i := at + dash - 3
		if at += dash + 1; i+11 > len(v) {
			break
		}
		if v[i+6] != '-' || !digit(v[i]) {
			continue
		}
		ok := true
		for j, ch := range []byte(v[i : i+11]) {
			if j != 3 && j != 6 && !digit(ch) {
				ok = false
				break
			}
		}
		if !ok || i > 0 && (ident(v[i-1]) || v[i-1] == '.') || i+11 < len(v) && ident(v[i+11]) {
			continue
		}
		area := v[i : i+3]
		if area == "000" || area == "666" || area[0] == '9' || v[i+4:i+6] == "00" || v[i+7:i+11] == "0000" {
			continue
		}
		e.replace(i, i+11, "[us-ssn]")
		c.Add(RuleSSN)
		at = i + 14 // The next one's first dash.
	}
	return e.done()
}
