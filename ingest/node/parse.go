package node

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unsafe"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 200

// maxBytes bounds a document: places and lengths are held in 32 bits.
const maxBytes = 1 << 30

// pad is the number of zeros behind a document, which end every loop: a word is
// read from its last byte, and from the one behind a backslash that is the last.
const pad = 16

// ErrSyntax says that bytes are no JSON, or that it is nested too deep.
var ErrSyntax = errors.New("invalid JSON")

// Parser reads documents, one after the other, into memory that it uses again.
type Parser struct {
	b        []byte
	end      int
	values   slab[Value]
	members  slab[Member]
	elements slab[*Value]
	open     []Member // Members of the objects that are open.
	list     []*Value // Elements of the arrays that are open.
}

// slab hands out memory in pieces; what was handed out never moves.
type slab[T any] struct{ free []T }

// take returns memory for n. What it holds is of earlier documents.
func (s *slab[T]) take(n int) []T {
	at := len(s.free)
	if cap(s.free)-at < n {
		s.free, at = make([]T, 0, max(64, n, 2*cap(s.free))), 0
	}
	s.free = s.free[:at+n]
	return s.free[at : at+n : at+n]
}

func (s *slab[T]) one() *T {
	at := len(s.free)
	if at == cap(s.free) {
		return &s.take(1)[0]
	}
	s.free = s.free[:at+1]
	return &s.free[at]
}

// ParseBytes reads a document. Values of the one before hold no more.
func (p *Parser) ParseBytes(b []byte) (*Value, error) {
	if len(b) > maxBytes {
		return nil, ErrSyntax
	}
	p.b = append(append(p.b[:0], b...), make([]byte, pad)...)
	p.end = len(b)
	p.values.free, p.members.free, p.elements.free = p.values.free[:0], p.members.free[:0], p.elements.free[:0]
	p.open, p.list = p.open[:0], p.list[:0]
	v, i := p.value(p.space(0), 0)
	if v == nil || p.space(i) != p.end {
		return nil, ErrSyntax
	}
	return v, nil
}

// Parse reads a document into memory of its own.
func Parse(b []byte) (*Value, error) { return new(Parser).ParseBytes(b) }

// space returns the next place that is no white space.
func (p *Parser) space(i int) int {
	for p.b[i] <= ' ' && (p.b[i] == ' ' || p.b[i] == '\n' || p.b[i] == '\t' || p.b[i] == '\r') {
		i++
	}
	return i
}

// value reads what begins at i and returns the place behind it; nil where it is no
// value.
func (p *Parser) value(i, depth int) (*Value, int) {
	switch p.b[i] {
	case '"':
		s, plain, next := p.text(i + 1)
		if next == 0 {
			return nil, 0
		}
		v := p.values.one()
		v.t, v.plain = TypeString, plain
		v.setText(s)
		return v, next
	case '{':
		return p.object(i+1, depth+1)
	case '[':
		return p.array(i+1, depth+1)
	case 't':
		if p.has(i, "true") {
			return valueTrue, i + 4
		}
		return nil, 0
	case 'f':
		if p.has(i, "false") {
			return valueFalse, i + 5
		}
		return nil, 0
	case 'n':
		if p.has(i, "null") {
			return valueNull, i + 4
		}
	}
	return p.number(i)
}

func (p *Parser) has(i int, word string) bool { return string(p.b[i:i+len(word)]) == word }

func (p *Parser) object(i, depth int) (*Value, int) {
	if depth > MaxDepth {
		return nil, 0
	}
	v := p.values.one()
	v.t = TypeObject
	if i = p.space(i); p.b[i] == '}' {
		v.setMembers(nil)
		return v, i + 1
	}
	from := len(p.open)
	for {
		if i = p.space(i); p.b[i] != '"' {
			return nil, 0
		}
		key, plain, next := p.text(i + 1)
		if next == 0 {
			return nil, 0
		}
		if i = p.space(next); p.b[i] != ':' {
			return nil, 0
		}
		m, next := p.value(p.space(i+1), depth)
		if m == nil {
			return nil, 0
		}
		p.open = append(p.open, Member{p: unsafe.Pointer(unsafe.StringData(key)), n: uint32(len(key)), plain: plain, value: m})
		i = p.space(next)
		switch p.b[i] {
		case ',':
			i++
		case '}':
			l := p.members.take(len(p.open) - from)
			copy(l, p.open[from:])
			p.open = p.open[:from]
			v.setMembers(l)
			return v, i + 1
		default:
			return nil, 0
		}
	}
}

func (p *Parser) array(i, depth int) (*Value, int) {
	if depth > MaxDepth {
		return nil, 0
	}
	v := p.values.one()
	v.t = TypeArray
	if i = p.space(i); p.b[i] == ']' {
		v.setElements(nil)
		return v, i + 1
	}
	from := len(p.list)
	for {
		m, next := p.value(p.space(i), depth)
		if m == nil {
			return nil, 0
		}
		p.list = append(p.list, m)
		i = p.space(next)
		switch p.b[i] {
		case ',':
			i++
		case ']':
			l := p.elements.take(len(p.list) - from)
			copy(l, p.list[from:])
			p.list = p.list[:from]
			v.setElements(l)
			return v, i + 1
		default:
			return nil, 0
		}
	}
}

// text reads the text behind a quote at i-1 and returns the place behind its other
// quote; 0 where there is none. plain says that JSON writes it as it is.
func (p *Parser) text(i int) (s string, plain bool, next int) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	from, escape := i, 0
	plain = true
	for b, first := p.b, unsafe.Pointer(unsafe.SliceData(p.b)); ; {
		// Of eight bytes the first that is a quote, a backslash, a control character
		// or not ASCII: of those behind it the sums may be wrong. The zeros behind the
		// document are found, so the word is always in its memory.
		x := binary.LittleEndian.Uint64(unsafe.Slice((*byte)(unsafe.Add(first, i)), 8))
		found := (x | (x - ones*0x20) | (x ^ (ones * '"') - ones) | (x ^ (ones * '\\') - ones)) & high
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		switch c := b[i]; {
		case c == '"':
			if escape == 0 {
				return unsafe.String(unsafe.SliceData(b[from:]), i-from), plain, i + 1
			}
			return unescape(b[from:i], escape-from), false, i + 1
		case c == '\\':
			if escape == 0 {
				escape = i
			}
			i += 2
		case c >= 0x80:
			plain = false
			for i++; b[i] >= 0x80; i++ {
			}
		default:
			plain = false
			i++
		}
		if i > p.end {
			return "", false, 0
		}
	}
}

// numberByte marks what numbers are made of, in whatever order.
var numberByte = func() (t [256]bool) {
	for _, c := range []byte("0123456789.-+eE") {
		t[c] = true
	}
	return t
}()

// number reads a number, or what Python and others write for none.
func (p *Parser) number(i int) (*Value, int) {
	j := i
	for numberByte[p.b[j]] {
		j++
	}
	if j == p.end && i == j {
		return nil, 0
	}
	if j < p.end && (i == j || j == i+1 && (p.b[i] == '-' || p.b[i] == '+')) {
		word := unsafe.String(&p.b[j], 3)
		if j+3 > p.end || !strings.EqualFold(word, "nan") && !strings.EqualFold(word, "inf") {
			return nil, 0
		}
		j += 3
	}
	v := p.values.one()
	v.t = TypeNumber
	v.setText(unsafe.String(&p.b[i], j-i))
	return v, j
}

// unescape decodes a text in its own memory, of which n bytes stand before the
// first backslash. What is no escape stays as it is.
func unescape(text []byte, n int) string {
	b := text[:n]
	s := unsafe.String(unsafe.SliceData(text), len(text))[n+1:]
	for len(s) > 0 {
		ch := s[0]
		s = s[1:]
		switch ch {
		case '"', '\\', '/':
			b = append(b, ch)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			b, s = appendCode(b, s)
		default:
			b = append(b, '\\', ch)
		}
		n := strings.IndexByte(s, '\\')
		if n < 0 {
			b = append(b, s...)
			break
		}
		b = append(b, s[:n]...)
		s = s[n+1:]
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// appendCode decodes what follows \u and returns what follows that.
func appendCode(b []byte, s string) ([]byte, string) {
	if len(s) < 4 {
		return append(b, "\\u"...), s
	}
	x, err := strconv.ParseUint(s[:4], 16, 16)
	if err != nil {
		return append(b, "\\u"...), s
	}
	digits := s[:4]
	s = s[4:]
	if !utf16.IsSurrogate(rune(x)) {
		return append(b, string(rune(x))...), s
	}
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return append(append(b, "\\u"...), digits...), s
	}
	low, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return append(append(b, "\\u"...), digits...), s
	}
	return append(b, string(utf16.DecodeRune(rune(x), rune(low)))...), s[6:]
}
