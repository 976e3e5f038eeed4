package envelope

import (
	"errors"
	"fmt"

	"github.com/valyala/fastjson"
)

var headerPool fastjson.ParserPool

var (
	errNotObject = errors.New("expected a JSON object")
	errUnclosed  = errors.New("JSON object is not closed")
)

// objectEnd returns the position after the JSON object that starts at pos,
// white space before it skipped. It only matches brackets outside strings: the
// JSON itself is checked by the parser.
func objectEnd(b []byte, pos int) (int, error) {
	start := pos
	for pos < len(b) && isSpace(b[pos]) {
		pos++
	}
	if pos == len(b) || b[pos] != '{' {
		return 0, errNotObject
	}
	depth := 0
	for ; pos < len(b); pos++ {
		if pos-start > MaxHeaderBytes {
			return 0, fmt.Errorf("header is over %d bytes", MaxHeaderBytes)
		}
		switch b[pos] {
		case '{', '[':
			if depth++; depth > maxHeaderDepth {
				return 0, fmt.Errorf("header is nested deeper than %d", maxHeaderDepth)
			}
		case '}', ']':
			if depth--; depth == 0 {
				return pos + 1, nil
			}
		case '"':
			for pos++; pos < len(b) && b[pos] != '"'; pos++ {
				if b[pos] == '\\' {
					pos++
				}
				if pos-start > MaxHeaderBytes {
					return 0, fmt.Errorf("header is over %d bytes", MaxHeaderBytes)
				}
			}
		}
	}
	return 0, errUnclosed
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// text returns a copy of a string value; anything else is empty.
func text(v *fastjson.Value, path ...string) string {
	return string(v.GetStringBytes(path...))
}

// optionalString accepts a string, null or nothing.
func optionalString(v *fastjson.Value, key string) (string, error) {
	f := v.Get(key)
	if f == nil || f.Type() == fastjson.TypeNull {
		return "", nil
	}
	if f.Type() != fastjson.TypeString {
		return "", fmt.Errorf("%s must be a string or null, not %s", key, f.Type())
	}
	return string(f.GetStringBytes()), nil
}

func countKey(v *fastjson.Value, key string) int {
	n := 0
	v.GetObject().Visit(func(k []byte, _ *fastjson.Value) {
		if string(k) == key {
			n++
		}
	})
	return n
}
