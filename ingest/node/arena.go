package node

import (
	"strconv"
	"strings"
	"unsafe"
)

// Arena makes values that hold until its Reset.
type Arena struct {
	b      []byte
	values slab[Value]
}

// Reset takes the memory of all values back.
func (a *Arena) Reset() { a.b, a.values.free = a.b[:0], a.values.free[:0] }

// NewObject makes an object without members.
func (a *Arena) NewObject() *Value {
	v := a.values.one()
	v.t = TypeObject
	v.setMembers(nil)
	return v
}

// NewArray makes an array without elements.
func (a *Arena) NewArray() *Value {
	v := a.values.one()
	v.t = TypeArray
	v.setElements(nil)
	return v
}

// NewString makes a text, which is copied. Control characters that JSON has no
// short escape for stand in it as Go writes them, where there are any quotes,
// backslashes or control characters: stored payloads have always had them so.
func (a *Arena) NewString(s string) *Value {
	v := a.values.one()
	v.t, v.plain = TypeString, false
	from := len(a.b)
	if special(s) {
		a.b = strconv.AppendQuote(a.b, s)
		text := a.b[from+1 : len(a.b)-1]
		if n := strings.IndexByte(unsafe.String(unsafe.SliceData(text), len(text)), '\\'); n >= 0 {
			v.setText(unescape(text, n))
			return v
		}
		v.setText(unsafe.String(unsafe.SliceData(text), len(text)))
		return v
	}
	a.b = append(a.b, s...)
	v.setText(unsafe.String(unsafe.SliceData(a.b[from:]), len(s)))
	return v
}

func special(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			return true
		}
	}
	return false
}

// NewNumberString makes a number of its text, which is kept.
func (a *Arena) NewNumberString(s string) *Value {
	v := a.values.one()
	v.t = TypeNumber
	v.setText(s)
	return v
}

// NewNull returns null.
func (a *Arena) NewNull() *Value { return valueNull }

// NewBool returns true or false.
func (a *Arena) NewBool(is bool) *Value {
	if is {
		return valueTrue
	}
	return valueFalse
}
