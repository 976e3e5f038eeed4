package tree

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"errata/ingest/node"
)

// Is reports whether v is present and of type t.
func Is(v *node.Value, t node.Type) bool { return v != nil && v.Type() == t }

// Null reports whether v is absent or null.
func Null(v *node.Value) bool { return v == nil || v.Type() == node.TypeNull }

// Text returns a string value, aliasing the tree; anything else is empty.
func Text(v *node.Value) string { return v.Text() }

// Get returns the string under key of an object.
func Get(v *node.Value, key string) string { return v.Member(key).Text() }

// Scalar returns a string, number or boolean as text; null, lists and objects
// are empty and not ok.
func Scalar(v *node.Value) (string, bool) {
	if v == nil {
		return "", false
	}
	switch v.Type() {
	case node.TypeString:
		return v.Text(), true
	case node.TypeNumber:
		s := v.Number()
		return s, !isNotFinite(s)
	case node.TypeTrue:
		return "true", true
	case node.TypeFalse:
		return "false", true
	}
	return "", false
}

// Lenient returns any value as text: scalars as they are, the rest as JSON,
// null as nothing.
func Lenient(v *node.Value) string {
	if s, ok := Scalar(v); ok {
		return s
	}
	if Null(v) || v.Type() == node.TypeNumber {
		return ""
	}
	return Str(Append(nil, v))
}

// Uint returns a whole number from a number or from digits in a string.
func Uint(v *node.Value) (uint64, bool) {
	if v == nil {
		return 0, false
	}
	switch v.Type() {
	case node.TypeNumber:
		if n, err := v.Uint64(); err == nil {
			return n, true
		}
		f, err := v.Float64()
		if err != nil || !(f >= 0 && f < 1<<53) {
			return 0, false
		}
		return uint64(f), true
	case node.TypeString:
		n, err := strconv.ParseUint(Str(v.GetStringBytes()), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Float returns a finite number.
func Float(v *node.Value) (float64, bool) {
	if v == nil || v.Type() != node.TypeNumber {
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
