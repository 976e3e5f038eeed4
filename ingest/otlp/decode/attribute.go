package decode

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-faster/jx"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Attributes are nine tenths of a body. They are read without reflection, by
// the same rules as every other message.

var (
	keyValueName  = (*common.KeyValue)(nil).ProtoReflect().Descriptor().FullName()
	keyValueShape = sync.OnceValue(func() *shape { return messageShape((*common.KeyValue)(nil).ProtoReflect().Descriptor()) })
	valueShape    = sync.OnceValue(func() *shape { return messageShape((*common.AnyValue)(nil).ProtoReflect().Descriptor()) })
)

// pair is allocated as one.
type pair struct {
	kv common.KeyValue
	v  common.AnyValue
}

func (r *reader) enter(s *shape, depth int) (jx.ObjIter, error) {
	if err := r.spend(s); err != nil {
		return jx.ObjIter{}, err
	}
	if depth > MaxDepth {
		return jx.ObjIter{}, tooDeep()
	}
	return r.d.ObjIter()
}

func (r *reader) attributes(l protoreflect.List, depth int) error {
	return r.each(jx.Object, func() error {
		kv, err := r.keyValue(depth)
		if err == nil {
			l.Append(protoreflect.ValueOfMessage(kv.ProtoReflect()))
		}
		return err
	})
}

// each calls read for every element of an array that is of a type, and passes
// over the others.
func (r *reader) each(t jx.Type, read func() error) error {
	it, err := r.d.ArrIter()
	if err != nil {
		return err
	}
	for it.Next() {
		if r.d.Next() != t {
			err = r.leave()
		} else {
			err = read()
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}

func (r *reader) keyValue(depth int) (*common.KeyValue, error) {
	it, err := r.enter(keyValueShape(), depth)
	if err != nil {
		return nil, err
	}
	p := &pair{}
	for it.Next() {
		switch t := r.d.Next(); {
		case string(it.Key()) == "key" && t == jx.String:
			p.kv.Key, err = r.text()
		case string(it.Key()) == "value" && t == jx.Object:
			p.kv.Value = &p.v
			err = r.value(&p.v, depth+1)
		case string(it.Key()) == "value" && isPlain(t):
			p.kv.Value = &p.v
			err = r.plain(&p.v, t)
		case string(it.Key()) == "key" || string(it.Key()) == "value":
			err = r.leave()
		default:
			err = r.d.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	return &p.kv, it.Err()
}

func isPlain(t jx.Type) bool { return t == jx.String || t == jx.Number || t == jx.Bool }

// plain reads a value that was written without its kind, as people do by hand:
// "value":"v" for "value":{"stringValue":"v"}.
func (r *reader) plain(v *common.AnyValue, t jx.Type) error {
	if err := r.spend(valueShape()); err != nil {
		return err
	}
	switch t {
	case jx.String:
		s, err := r.text()
		v.Value = &common.AnyValue_StringValue{StringValue: s}
		return err
	case jx.Bool:
		return r.boolean(v, t)
	}
	return r.number(t, func(b []byte) {
		if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
			v.Value = &common.AnyValue_IntValue{IntValue: n}
		} else if n, err := strconv.ParseFloat(string(b), 64); err == nil {
			v.Value = &common.AnyValue_DoubleValue{DoubleValue: n}
		}
	})
}

func (r *reader) value(v *common.AnyValue, depth int) error {
	it, err := r.enter(valueShape(), depth)
	if err != nil {
		return err
	}
	for it.Next() {
		t, before, known := r.d.Next(), v.Value, true
		switch string(it.Key()) {
		case "stringValue", "string_value":
			if t == jx.String {
				x := &common.AnyValue_StringValue{}
				x.StringValue, err = r.text()
				v.Value = x
				break
			}
			err = r.d.Skip()
		case "boolValue", "bool_value":
			err = r.boolean(v, t)
		case "intValue", "int_value":
			err = r.number(t, func(b []byte) {
				if n, ok := integer(b, math.MinInt64, math.MaxInt64); ok {
					v.Value = &common.AnyValue_IntValue{IntValue: n}
				}
			})
		case "doubleValue", "double_value":
			err = r.number(t, func(b []byte) {
				if n, err := strconv.ParseFloat(string(b), 64); err == nil {
					v.Value = &common.AnyValue_DoubleValue{DoubleValue: n}
				}
			})
		case "bytesValue", "bytes_value":
			if t != jx.String {
				err = r.d.Skip()
				break
			}
			err = r.number(t, func(b []byte) {
				if raw, ok := base64Value(b); ok {
					v.Value = &common.AnyValue_BytesValue{BytesValue: raw}
				}
			})
		case "arrayValue", "array_value":
			x := &common.ArrayValue{}
			if t == jx.Object {
				v.Value = &common.AnyValue_ArrayValue{ArrayValue: x}
			}
			err = r.values(t, depth, func() error {
				e := &common.AnyValue{}
				x.Values = append(x.Values, e)
				return r.value(e, depth+2)
			})
		case "kvlistValue", "kvlist_value":
			x := &common.KeyValueList{}
			if t == jx.Object {
				v.Value = &common.AnyValue_KvlistValue{KvlistValue: x}
			}
			err = r.values(t, depth, func() error {
				kv, err := r.keyValue(depth + 2)
				x.Values = append(x.Values, kv)
				return err
			})
		default:
			known = false
			err = r.d.Skip()
		}
		if err != nil {
			return err
		}
		if known && v.Value == before && t != jx.Null {
			r.left++
		}
	}
	return it.Err()
}

// values reads {"values":[...]}, the form of lists and maps.
func (r *reader) values(t jx.Type, depth int, read func() error) error {
	if t != jx.Object {
		return r.d.Skip()
	}
	it, err := r.enter(valueShape(), depth+1)
	if err != nil {
		return err
	}
	for it.Next() {
		if string(it.Key()) == "values" && r.d.Next() == jx.Array {
			err = r.each(jx.Object, read)
		} else {
			err = r.d.Skip()
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}

func (r *reader) boolean(v *common.AnyValue, t jx.Type) error {
	switch t {
	case jx.Bool:
		b, err := r.d.Bool()
		v.Value = &common.AnyValue_BoolValue{BoolValue: b}
		return err
	case jx.String:
		return r.number(t, func(b []byte) {
			if x, err := strconv.ParseBool(string(b)); err == nil {
				v.Value = &common.AnyValue_BoolValue{BoolValue: x}
			}
		})
	}
	return r.d.Skip()
}

// number hands over the text of a number, or of a string that may hold one.
func (r *reader) number(t jx.Type, set func([]byte)) error {
	switch t {
	case jx.Number:
		n, err := r.d.Num()
		if err == nil {
			set(n)
		}
		return err
	case jx.String:
		b, err := r.d.StrAppend(r.scratch[:0])
		if err == nil {
			r.scratch = b
			set(b)
		}
		return err
	}
	return r.d.Skip()
}

func (r *reader) text() (string, error) {
	s, err := r.d.Str()
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s, err
}
