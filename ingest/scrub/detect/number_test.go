package detect

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is skipped by steps is what a look at each byte finds nothing in: numbers of
// cards, accounts and of social security in texts of their own characters, wide ones
// among them, at every place of a text.
func TestStepsFindAll(t *testing.T) {
	parts := []string{
		"0", "1", "4", "7", "9", "12", "2026", "-", "--", " ", ".", "a", "DE", "de", "no", "/", ":", "\uff14", "\u2013", "\u00a0", "é",
		"4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", "\uff14111111111111111", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "NO9386011117947",
		"123-45-6789", "000-45-6789", "123-45-67890", "219-09-9999-219-09-9998", "2026-11-29T17:11:36.123456789Z",
	}
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 200_000 {
		var b strings.Builder
		for range 1 + r.IntN(9) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		v := b.String()
		if !longNumber(v) {
			require.False(t, cardAnywhere(v), v)
		}
		c, want := Counts{}, Counts{}
		require.Equal(t, ibanByBytes(v, want), IBAN(v, c), v)
		require.Equal(t, ssnByBytes(v, want), ssn(v, c), v)
		require.Equal(t, want, c, v)
		found += len(c)
	}
	require.Greater(t, found, 1000)
}

// cardAnywhere reports whether 13 digits stand together, or in groups, by a look at
// each character.
func cardAnywhere(v string) bool {
	n := 0
	for i := 0; i < len(v); {
		_, is, size := glyph(v, i)
		switch {
		case is:
			if n++; n == 13 {
				return true
			}
		case size == 0:
			n, size = 0, 1
		}
		i += size
	}
	return false
}

// ibanByBytes and ssnByBytes look at each place.
func ibanByBytes(v string, c Counts) string {
	e := edit{s: v}
	for i := 0; i+15 <= len(v); i++ {
		if !digit(v[i+2]) || !digit(v[i+3]) || !upper(v[i]&^0x20) || !upper(v[i+1]&^0x20) || lower(v[i]) != lower(v[i+1]) || i > 0 && ident(v[i-1]) {
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
	return e.done()
}

func ssnByBytes(v string, c Counts) string {
	e := edit{s: v}
	for i := 0; i+11 <= len(v); i++ {
		if v[i+3] != '-' || v[i+6] != '-' || !digit(v[i]) {
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
		i += 10
	}
	return e.done()
}

// BenchmarkNumbers looks for numbers in a stack of lines with times and ids, of which
// none is a secret.
func BenchmarkNumbers(b *testing.B) {
	v := strings.Repeat("\tat com.example.shop.OrderService.place(OrderService.java:142) ~[shop-2.14.3.jar:na] 2026-11-29 17:11\n", 40)
	b.SetBytes(int64(len(v)))
	for range b.N {
		if c := (Counts{}); Numbers(v, c) != v || IBAN(v, c) != v || ssn(v, c) != v {
			b.Fatal("found one")
		}
	}
}
