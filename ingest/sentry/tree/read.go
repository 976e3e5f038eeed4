package tree

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// Is reports whether v is present and of type t.
func Is(v *fastjson.Value, t fastjson.Type) bool { return v != nil && v.Type() == t }

// Null reports whether v is absent or null.
func Null(v *fastjson.Value) bool { return v == nil || v.Type() == fastjson.TypeNull }

// Text returns a string value, aliasing the tree; anything else is empty.
func Text(v *fastjson.Value) string {
	if v == nil || v.Type() != fastjson.TypeString {
		return ""
	}
	return str(v)
}

// str returns the string of a value that is one.
func str(v *fastjson.Value) string {
	b, _ := v.StringBytes()
	return Str(b)
}

// Get returns the string under key of an object.
func Get(v *fastjson.Value, key string) string { return Text(v.Get(key)) }

// Scalar returns a string, number or boolean as text; null, lists and objects
// are empty and not ok.
func Scalar(v *fastjson.Value) (string, bool) {
	if v == nil {
		return "", false
	}
	switch v.Type() {
	case fastjson.TypeString:
		return str(v), true
	case fastjson.TypeNumber:
		s := string(v.MarshalTo(nil))
		return s, !isNotFinite(s)
	case fastjson.TypeTrue:
		return "true", true
	case fastjson.TypeFalse:
		return "false", true
	}
	return "", false
}

// Lenient returns any value as text: scalars as they are, the rest as JSON,
// null as nothing.
func Lenient(v *fastjson.Value) string {
	if s, ok := Scalar(v); ok {
		return s
	}
	if Null(v) || v.Type() == fastjson.TypeNumber {
		return ""
	}
	return Str(Append(nil, v))
}

// Uint returns a whole number from a number or from digits in a string.
func Uint(v *fastjson.Value) (uint64, bool) {
	if v == nil {
		return 0, false
	}
	switch v.Type() {
	case fastjson.TypeNumber:
		if n, err := v.Uint64(); err == nil {
			return n, true
		}
		f, err := v.Float64()
		if err != nil || !(f >= 0 && f < 1<<53) {
			return 0, false
		}
		return uint64(f), true
	case fastjson.TypeString:
		n, err := strconv.ParseUint(Str(v.GetStringBytes()), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Float returns a finite number.
func Float(v *fastjson.Value) (float64, bool) {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return 0, false
	}
	f, err := v.Float64()
	return f, err == nil && f-f == 0
}

// Clean returns a copy of s that is valid UTF-8 and does not alias a tree.
func Clean(s string) string {
	if s == "" {
		return ""
	}
	if !utf8.ValidString(s) {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return strings.Clone(s)
}
