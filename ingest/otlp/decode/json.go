package decode

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-faster/jx"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fromJSON reads OTLP/JSON as a stream: unknown fields are passed over without
// building them, so that memory follows the messages, not the bytes. OTLP/JSON
// differs from the JSON of protobuf in its ids, which are hex; protojson would
// read them as base64. A field of the wrong type is left out; only a body that
// is not JSON is refused.
func fromJSON(body []byte, m proto.Message) (left int, err error) {
	if depth(body) > maxJSONDepth {
		return 0, tooDeep() // Found here in a thousandth of the time of reading it.
	}
	d := jx.DecodeBytes(body)
	if d.Next() != jx.Object {
		return 0, fmt.Errorf("%w: cannot read JSON: the body is not an object", ErrMalformed)
	}
	r := reader{d: d}
	r.scratch = make([]byte, 0, 256)
	if err := r.message(m.ProtoReflect(), messageShape(m.ProtoReflect().Descriptor()), 0); err != nil {
		return 0, refused(err)
	}
	if err := d.Skip(); !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("%w: cannot read JSON: text after the object", ErrMalformed)
	}
	return r.left, nil
}

// maxJSONDepth is more than MaxDepth messages take.
const maxJSONDepth = 4 * MaxDepth

// depth returns how deep brackets outside of texts nest, at least as far as
// maxJSONDepth.
func depth(b []byte) int {
	if len(b) <= maxJSONDepth {
		return 0
	}
	now, most := 0, 0
	for i := 0; i < len(b) && most <= maxJSONDepth; i++ {
		switch b[i] {
		case '{', '[':
			now++
			most = max(most, now)
		case '}', ']':
			now--
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return most
}

type reader struct {
	budget
	d       *jx.Decoder
	scratch []byte
	left    int // Known fields of another type.
}

// leave passes over a value of another type than its field has. Null is none.
func (r *reader) leave() error {
	if r.d.Next() != jx.Null {
		r.left++
	}
	return r.d.Skip()
}

func (r *reader) message(m protoreflect.Message, s *shape, depth int) error {
	it, err := r.enter(s, depth)
	if err != nil {
		return err
	}
	for it.Next() {
		f := s.byName[string(it.Key())]
		if f == nil {
			if err := r.d.Skip(); err != nil {
				return err
			}
			continue
		}
		if f.list {
			err = r.list(m, f, depth)
		} else {
			err = r.single(m, f, depth)
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}

func (r *reader) single(m protoreflect.Message, f *field, depth int) error {
	if f.kind == protoreflect.MessageKind {
		if t := r.d.Next(); t != jx.Object {
			if !isPlain(t) {
				return r.leave()
			}
			v, ok := m.NewField(f.fd).Message().Interface().(*common.AnyValue)
			if !ok {
				return r.leave()
			}
			m.Set(f.fd, protoreflect.ValueOfMessage(v.ProtoReflect()))
			return r.plain(v, t)
		}
		return r.message(m.Mutable(f.fd).Message(), f.message(), depth+1)
	}
	null := r.d.Next() == jx.Null
	v, err := r.scalar(f)
	switch {
	case err != nil:
	case v.IsValid():
		m.Set(f.fd, v)
	case !null:
		r.left++
	}
	return err
}

func (r *reader) list(m protoreflect.Message, f *field, depth int) error {
	if r.d.Next() != jx.Array {
		return r.leave()
	}
	l := m.Mutable(f.fd).List()
	if f.attributes {
		return r.attributes(l, depth+1)
	}
	it, err := r.d.ArrIter()
	if err != nil {
		return err
	}
	for it.Next() {
		if f.kind == protoreflect.MessageKind {
			if r.d.Next() != jx.Object {
				if err := r.leave(); err != nil {
					return err
				}
				continue
			}
			e := l.NewElement()
			if err := r.message(e.Message(), f.message(), depth+1); err != nil {
				return err
			}
			l.Append(e)
			continue
		}
		if f.kind == protoreflect.StringKind {
			if err := r.spend(oneText); err != nil {
				return err
			}
		}
		v, err := r.scalar(f)
		if err != nil {
			return err
		}
		if !v.IsValid() {
			// Buckets and bounds are paired by position.
			v = l.NewElement()
		}
		l.Append(v)
	}
	return it.Err()
}

// scalar reads one value as the field's kind, from a string or a number. An
// invalid Value means that it was passed over.
func (r *reader) scalar(f *field) (protoreflect.Value, error) {
	var none protoreflect.Value
	switch r.d.Next() {
	case jx.String:
		if f.kind == protoreflect.StringKind {
			s, err := r.text()
			return protoreflect.ValueOfString(s), err
		}
		b, err := r.d.StrAppend(r.scratch[:0])
		if err != nil {
			return none, err
		}
		r.scratch = b
		return fromText(f, b), nil
	case jx.Number:
		n, err := r.d.Num()
		if err != nil {
			return none, err
		}
		if f.kind == protoreflect.StringKind || f.kind == protoreflect.BytesKind {
			return none, nil
		}
		return fromText(f, n), nil
	case jx.Bool:
		b, err := r.d.Bool()
		if f.kind != protoreflect.BoolKind {
			return none, err
		}
		return protoreflect.ValueOfBool(b), err
	default:
		return none, r.d.Skip()
	}
}

func fromText(f *field, b []byte) protoreflect.Value {
	var none protoreflect.Value
	switch f.kind {
	case protoreflect.BytesKind:
		if f.id {
			return idValue(b)
		}
		if v, ok := base64Value(b); ok {
			return protoreflect.ValueOfBytes(v)
		}
	case protoreflect.BoolKind:
		if v, err := strconv.ParseBool(string(b)); err == nil {
			return protoreflect.ValueOfBool(v)
		}
	case protoreflect.DoubleKind:
		if v, err := strconv.ParseFloat(string(b), 64); err == nil {
			return protoreflect.ValueOfFloat64(v)
		}
	case protoreflect.EnumKind:
		if v := f.fd.Enum().Values().ByName(protoreflect.Name(b)); v != nil {
			return protoreflect.ValueOfEnum(v.Number())
		}
		if v, ok := integer(b, math.MinInt32, math.MaxInt32); ok {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(v))
		}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		if v, ok := integer(b, math.MinInt32, math.MaxInt32); ok {
			return protoreflect.ValueOfInt32(int32(v))
		}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		if v, ok := integer(b, 0, math.MaxUint32); ok {
			return protoreflect.ValueOfUint32(uint32(v))
		}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		if v, ok := integer(b, math.MinInt64, math.MaxInt64); ok {
			return protoreflect.ValueOfInt64(v)
		}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if v, err := strconv.ParseUint(string(b), 10, 64); err == nil {
			return protoreflect.ValueOfUint64(v)
		}
		if v, ok := integer(b, 0, math.MaxInt64); ok {
			return protoreflect.ValueOfUint64(uint64(v))
		}
	}
	return none
}

// integer reads decimal digits, or a float without a fraction such as 1e3.
func integer(b []byte, low, high int64) (int64, bool) {
	if v, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return v, v >= low && v <= high
	}
	v, err := strconv.ParseFloat(string(b), 64)
	// The upper comparison is strict because MaxInt64 itself is no float64.
	if err != nil || v != math.Trunc(v) || v < float64(low) || v >= float64(high) {
		return 0, false
	}
	return int64(v), true
}

// idValue reads hex of either case. Senders that use a plain protobuf JSON
// library send base64, which the length tells apart.
func idValue(b []byte) protoreflect.Value {
	switch len(b) {
	case 16, 32:
		out := make([]byte, len(b)/2)
		if _, err := hex.Decode(out, b); err == nil {
			return protoreflect.ValueOfBytes(out)
		}
	case 12, 24:
		if v, ok := base64Value(b); ok && (len(v) == 8 || len(v) == 16) {
			return protoreflect.ValueOfBytes(v)
		}
	case 0:
		return protoreflect.ValueOfBytes(nil)
	}
	// A text that is no id stays visible as a wrong length, and the item is
	// refused by name.
	return protoreflect.ValueOfBytes([]byte{0})
}

func base64Value(b []byte) ([]byte, bool) {
	s := strings.TrimRight(string(b), "=")
	e := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		e = base64.RawURLEncoding
	}
	v, err := e.DecodeString(s)
	return v, err == nil
}

func refused(err error) error {
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrMalformed) {
		return err
	}
	return fmt.Errorf("%w: cannot read JSON: %w", ErrMalformed, err)
}
