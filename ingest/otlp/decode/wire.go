package decode

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// Spans and log records are decoded by hand: in one pass that counts what the
// body asks for while it reads, with all texts in one copy of the body and the
// attributes of an item in one block. Metrics go through the library.

// wire reads one message of the body. It is a value: a nested message is a
// wire over a part of the same bytes.
type wire struct {
	b     []byte
	depth int
	*budget
}

// token is the key and, for length-delimited fields, the content of a field.
type token struct {
	num  protowire.Number
	typ  protowire.Type
	data []byte // BytesType.
	n    uint64 // VarintType, Fixed64Type, Fixed32Type.
}

// next reads a field; ok is false at the end.
func (w *wire) next(t *token) (ok bool, err error) {
	if len(w.b) == 0 {
		return false, nil
	}
	num, typ, n := protowire.ConsumeTag(w.b)
	if n < 0 {
		return false, malformed(n)
	}
	w.b = w.b[n:]
	t.num, t.typ = num, typ
	switch typ {
	case protowire.BytesType:
		t.data, n = protowire.ConsumeBytes(w.b)
	case protowire.VarintType:
		t.n, n = protowire.ConsumeVarint(w.b)
	case protowire.Fixed64Type:
		t.n, n = protowire.ConsumeFixed64(w.b)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(w.b)
		t.n = uint64(v)
	default:
		n = protowire.ConsumeFieldValue(num, typ, w.b)
	}
	if n < 0 {
		return false, malformed(n)
	}
	w.b = w.b[n:]
	return true, nil
}

// inner returns the reader of a nested message, which is paid for.
func (w *wire) inner(t *token, s *shape) (wire, error) {
	if w.depth >= MaxDepth {
		return wire{}, tooDeep()
	}
	return wire{b: t.data, depth: w.depth + 1, budget: w.budget}, w.spend(s)
}

// count returns how often a length-delimited field comes in the rest of a
// message, so that its list is allocated once. Broken rests are found by next.
func (w *wire) count(num protowire.Number) int {
	b, n := w.b, 0
	for len(b) > 0 {
		got, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			return n
		}
		b = b[size:]
		if size = protowire.ConsumeFieldValue(got, typ, b); size < 0 {
			return n
		}
		b = b[size:]
		if got == num && typ == protowire.BytesType {
			n++
		}
	}
	return n
}

// is reports whether a field has a number and type. A known number of another
// type is an unknown field, as for the library.
func (t *token) is(num protowire.Number, typ protowire.Type) bool {
	return t.num == num && t.typ == typ
}

// text returns the content as a string that aliases the body's copy.
func (t *token) text() string {
	if len(t.data) == 0 {
		return ""
	}
	if !utf8.Valid(t.data) {
		return mended(t.data)
	}
	return unsafe.String(&t.data[0], len(t.data))
}

// mended replaces every byte that is not UTF-8.
func mended(b []byte) string {
	var s strings.Builder
	s.Grow(len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			s.WriteByte('?')
		} else {
			s.Write(b[:size])
		}
		b = b[size:]
	}
	return s.String()
}

// bytes returns the content; its capacity is its length.
func (t *token) bytes() []byte { return slices.Clip(t.data) }

func (t *token) double() float64 { return math.Float64frombits(t.n) }
