// Package placeholder fills the placeholders of a message. In: a template as loggers
// write them and its parameters as the client sent them. Out: the message. What
// has no parameter stays as it is; nothing is an error.
package placeholder

import (
	"strconv"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

const maxBytes = 4 * schema.MaxMessage

// Fill fills %s and its kin with a list, %(name)s with an object. Of a template
// that has none of these it fills {} and {name} with either: a logger that takes
// the one leaves the other alone.
func Fill(t string, params *node.Value) string {
	f := filler{list: params.GetArray(), object: params.Type() == node.TypeObject, params: params}
	if s := f.fill(t, '%', f.percent); f.filled {
		return s
	}
	return f.fill(t, '{', f.braces)
}

type filler struct {
	list   []*node.Value
	params *node.Value
	object bool
	next   int // Of the list.
	filled bool
}

// fill asks at each mark what stands for how many bytes of the text.
func (f *filler) fill(t string, mark byte, at func(rest string) (s string, n int)) string {
	var b strings.Builder
	for i := 0; i < len(t) && b.Len() <= maxBytes; {
		if t[i] == mark {
			if s, n := at(t[i+1:]); n > 0 {
				b.WriteString(s)
				i += 1 + n
				continue
			}
		}
		b.WriteByte(t[i])
		i++
	}
	return b.String()
}

func (f *filler) pop() (string, bool) {
	if f.next >= len(f.list) {
		return "", false
	}
	f.next++
	return f.told(f.list[f.next-1]), true
}

func (f *filler) told(v *node.Value) string {
	f.filled = true
	return tree.Lenient(v)
}

// percent reads what is behind a percent sign.
func (f *filler) percent(rest string) (s string, n int) {
	if rest == "" {
		return "", 0
	}
	if rest[0] == '%' {
		return "%", 1
	}
	if f.object && rest[0] == '(' {
		end := strings.IndexByte(rest, ')')
		if end < 1 {
			return "", 0
		}
		v, n := f.params.Get(rest[1:end]), verb(rest[end+1:])
		if v == nil || n == 0 {
			return "", 0
		}
		return f.told(v), end + 1 + n
	}
	if n = verb(rest); n == 0 {
		return "", 0
	}
	s, ok := f.pop()
	if !ok {
		return "", 0
	}
	return s, n
}

// braces reads what is behind an opening brace.
func (f *filler) braces(rest string) (s string, n int) {
	end := strings.IndexByte(rest, '}')
	if end < 0 || end > 62 {
		return "", 0
	}
	name, _, _ := strings.Cut(rest[:end], ":")
	if f.object && name != "" {
		if v := f.params.Get(name); v != nil {
			return f.told(v), end + 1
		}
		return "", 0
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(f.list) {
		return f.told(f.list[i]), end + 1
	}
	if name == "" {
		if s, ok := f.pop(); ok {
			return s, end + 1
		}
	}
	return "", 0
}

// verb returns the length of a printf conversion after its percent sign. A blank is
// none of its flags here: "100% of {}" is prose.
func verb(s string) int {
	for i := 0; i < len(s) && i < 16; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == '#', c == 'l' && i+1 < len(s) && s[i+1] == 'd':
		case strings.IndexByte("sdifxXorqvtpgGeEcu@", c) >= 0:
			return i + 1
		default:
			return 0
		}
	}
	return 0
}
