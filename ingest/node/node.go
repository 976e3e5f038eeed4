// Package node is a tree of JSON that can be changed. In: bytes. Out: values that
// alias the parser's memory and hold until its next document. It writes no JSON
// and refuses nothing that clients send but what has no structure: broken escapes
// and numbers stay texts as they came. Its reading, escapes and names are those of
// github.com/valyala/fastjson (MIT, Copyright (c) 2018 Aliaksandr Valialkin), which
// a fuzz target holds it against; its values are a third of the size, lie in the
// order in which they are visited, and have their texts decoded when they are read.
package node

import (
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/valyala/fastjson/fastfloat"
)

// Type is what a value is.
type Type uint8

// Values of Type.
const (
	TypeNull Type = iota
	TypeObject
	TypeArray
	TypeString
	TypeNumber
	TypeTrue
	TypeFalse
)

func (t Type) String() string {
	return [...]string{"null", "object", "array", "string", "number", "true", "false"}[t]
}

// Value is one value. Nil stands for none: it has no members and no text.
type Value struct {
	p     unsafe.Pointer // The first byte of a text or number, the first member or element.
	n     uint32         // How many of them.
	room  uint32         // How many members or elements there is memory for.
	t     Type
	plain bool // A text that JSON writes as it is.
}

// Member is one member of an object.
type Member struct {
	p     unsafe.Pointer
	n     uint32
	plain bool
	value *Value
}

// Key is the member's name.
func (m *Member) Key() string { return unsafe.String((*byte)(m.p), m.n) }

// Value is the member's value.
func (m *Member) Value() *Value { return m.value }

// Plain reports whether JSON writes the name as it is.
func (m *Member) Plain() bool { return m.plain }

// SetValue puts another value in the place of the member's.
func (m *Member) SetValue(v *Value) { m.value = v }

var (
	valueTrue  = &Value{t: TypeTrue}
	valueFalse = &Value{t: TypeFalse}
	valueNull  = &Value{t: TypeNull}
)

func (v *Value) text() string { return unsafe.String((*byte)(v.p), v.n) }

func (v *Value) setText(s string) { v.p, v.n = unsafe.Pointer(unsafe.StringData(s)), uint32(len(s)) }

func (v *Value) members() []Member { return unsafe.Slice((*Member)(v.p), v.room)[:v.n] }

func (v *Value) setMembers(l []Member) {
	v.p, v.n, v.room = unsafe.Pointer(unsafe.SliceData(l)), uint32(len(l)), uint32(cap(l))
}

func (v *Value) elements() []*Value { return unsafe.Slice((**Value)(v.p), v.room)[:v.n] }

func (v *Value) setElements(l []*Value) {
	v.p, v.n, v.room = unsafe.Pointer(unsafe.SliceData(l)), uint32(len(l)), uint32(cap(l))
}

// Type is what the value is; it must not be nil.
func (v *Value) Type() Type { return v.t }

// Text is the text of a string; of all else it is empty.
func (v *Value) Text() string {
	if v == nil || v.t != TypeString {
		return ""
	}
	return v.text()
}

// Plain reports whether the value is a string that JSON writes as it is; it may
// say no where it is one.
func (v *Value) Plain() bool { return v != nil && v.plain && v.t == TypeString }

// Number is a number as it was written; of all else it is empty.
func (v *Value) Number() string {
	if v == nil || v.t != TypeNumber {
		return ""
	}
	return v.text()
}

// Members are those of an object, in their order; of all else there are none.
func (v *Value) Members() []Member {
	if v == nil || v.t != TypeObject {
		return nil
	}
	return v.members()
}

// Elements are those of an array; of all else there are none.
func (v *Value) Elements() []*Value {
	if v == nil || v.t != TypeArray {
		return nil
	}
	return v.elements()
}

// Member returns the first member of this name, nil where there is none.
func (v *Value) Member(key string) *Value {
	l := v.Members()
	for i := range l {
		if l[i].Key() == key {
			return l[i].value
		}
	}
	return nil
}

// Get goes down a path of names and indexes; nil where it leads nowhere.
func (v *Value) Get(path ...string) *Value {
	for _, key := range path {
		switch {
		case v == nil:
			return nil
		case v.t == TypeObject:
			v = v.Member(key)
		case v.t == TypeArray:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= int(v.n) {
				return nil
			}
			v = v.elements()[i]
		default:
			return nil
		}
	}
	return v
}

// GetArray is the elements of what is at a path.
func (v *Value) GetArray(path ...string) []*Value {
	if len(path) > 0 {
		v = v.Get(path...)
	}
	return v.Elements()
}

// GetStringBytes is the text at a path, which must not be written to.
func (v *Value) GetStringBytes(path ...string) []byte {
	if len(path) > 0 {
		v = v.Get(path...)
	}
	s := v.Text()
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// GetObject is the object at a path, nil where there is none.
func (v *Value) GetObject(path ...string) *Object {
	if len(path) > 0 {
		v = v.Get(path...)
	}
	if v == nil || v.t != TypeObject {
		return nil
	}
	return (*Object)(v)
}

// errKind says that a value is something else.
var errKind = errors.New("unexpected type of a value")

// Object is the value as an object.
func (v *Value) Object() (*Object, error) {
	if v.t != TypeObject {
		return nil, fmt.Errorf("%w: %s, expected an object", errKind, v.t)
	}
	return (*Object)(v), nil
}

// StringBytes is the value's text, which must not be written to.
func (v *Value) StringBytes() ([]byte, error) {
	if v.t != TypeString {
		return nil, fmt.Errorf("%w: %s, expected a text", errKind, v.t)
	}
	return unsafe.Slice((*byte)(v.p), v.n), nil
}

// Uint64 is the value as a whole number.
func (v *Value) Uint64() (uint64, error) {
	if v.t != TypeNumber {
		return 0, fmt.Errorf("%w: %s, expected a number", errKind, v.t)
	}
	return fastfloat.ParseUint64(v.text())
}

// Int is the value as a whole number, which may be negative.
func (v *Value) Int() (int, error) {
	if v.t != TypeNumber {
		return 0, fmt.Errorf("%w: %s, expected a number", errKind, v.t)
	}
	n, err := fastfloat.ParseInt64(v.text())
	return int(n), err
}

// Float64 is the value as a number, which need not be finite.
func (v *Value) Float64() (float64, error) {
	if v.t != TypeNumber {
		return 0, fmt.Errorf("%w: %s, expected a number", errKind, v.t)
	}
	return fastfloat.Parse(v.text())
}

// Object is a value that is an object.
type Object Value

// Len is how many members it has.
func (o *Object) Len() int { return len((*Value)(o).Members()) }

// Get returns the first member of this name, nil where there is none.
func (o *Object) Get(key string) *Value { return (*Value)(o).Member(key) }

// Visit calls f for each member in their order. Members that f adds are not
// visited.
func (o *Object) Visit(f func(key []byte, v *Value)) {
	l := (*Value)(o).Members()
	for i := range l {
		m := &l[i]
		f(unsafe.Slice((*byte)(m.p), m.n), m.value)
	}
}

// Set changes the first member of this name or adds one.
func (o *Object) Set(key string, v *Value) {
	if o == nil {
		return
	}
	if v == nil {
		v = valueNull
	}
	l := (*Value)(o).Members()
	for i := range l {
		if l[i].Key() == key {
			l[i].value = v
			return
		}
	}
	(*Value)(o).setMembers(append(l, Member{p: unsafe.Pointer(unsafe.StringData(key)), n: uint32(len(key)), value: v}))
}

// Del takes the first member of this name out.
func (o *Object) Del(key string) {
	l := (*Value)(o).Members()
	for i := range l {
		if l[i].Key() == key {
			(*Value)(o).setMembers(append(l[:i], l[i+1:]...))
			return
		}
	}
}

// Set changes or adds a member of an object; key is kept. All else stays as it is.
func (v *Value) Set(key string, m *Value) { v.GetObject().Set(key, m) }

// Del takes a member out of an object. All else stays as it is.
func (v *Value) Del(key string) { v.GetObject().Del(key) }

// SetArrayItem changes or adds an element of an array; those between the last one
// and it are null.
func (v *Value) SetArrayItem(i int, m *Value) {
	if v == nil || v.t != TypeArray {
		return
	}
	if m == nil {
		m = valueNull
	}
	l := v.elements()
	for i >= len(l) {
		l = append(l, valueNull)
	}
	l[i] = m
	v.setElements(l)
}
