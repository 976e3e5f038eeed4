// Package tree reads JSON of unknown senders into a tree that can be changed,
// and writes trees back as JSON that is valid whatever came in. In: bounded
// bytes. Out: a pooled tree. It never keeps a tree past Release: strings taken
// from one alias its buffer and must be copied to outlive it.
package tree

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"errata/ingest/node"
)

// Bounds on a document. A value costs about 50 bytes of memory, so their number
// is bounded as well as the bytes.
const (
	MaxDepth  = node.MaxDepth
	MaxValues = 150_000

	smallBytes = 256 << 10 // Up to here the size alone bounds the work.
	keepBytes  = 256 << 10 // Trees of larger documents are not pooled.
)

// Errors of Parse.
var (
	ErrTooDeep       = fmt.Errorf("JSON is nested deeper than %d", MaxDepth)
	ErrTooManyValues = fmt.Errorf("JSON has more than %d values", MaxValues)
	ErrSyntax        = errors.New("invalid JSON")
)

// Doc is one parsed document. It is not safe for concurrent use.
type Doc struct {
	Root   *node.Value
	Arena  node.Arena
	parser node.Parser
	size   int
}

var pool = sync.Pool{New: func() any { return new(Doc) }}

// Parse reads one JSON value. NaN and Infinity tokens, which Python and
// JavaScript clients write, are read as numbers and written as null.
func Parse(b []byte) (*Doc, error) {
	if len(b) > smallBytes {
		if err := bound(b); err != nil {
			return nil, err
		}
	}
	d := pool.Get().(*Doc)
	d.size = len(b)
	v, err := d.parser.ParseBytes(b)
	if err != nil {
		// Only now look for tokens that the parser does not know.
		if r, changed := repair(b); changed {
			v, err = d.parser.ParseBytes(r)
		}
	}
	if err != nil {
		d.Release()
		if e := bound(b); e != nil {
			return nil, e
		}
		// The parser's own text quotes the document: it is not passed on.
		return nil, ErrSyntax
	}
	d.Root = v
	return d, nil
}

// Release gives the tree back. Nothing taken from it may be used afterwards.
func (d *Doc) Release() {
	d.Root = nil
	if d.size > keepBytes {
		return
	}
	d.Arena.Reset()
	pool.Put(d)
}

// bound counts depth and values without building anything.
func bound(b []byte) error {
	depth, values := 0, 1
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			values++
			if depth++; depth > MaxDepth {
				return ErrTooDeep
			}
		case '}', ']':
			depth--
		case ',':
			values++
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
		if values > MaxValues {
			return ErrTooManyValues
		}
	}
	return nil
}

// repair replaces the tokens NaN, Infinity and -Infinity outside strings by
// null.
func repair(b []byte) ([]byte, bool) {
	var out []byte
	last := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case 'N', 'I', '-':
			n := 0
			for _, t := range []string{"NaN", "-NaN", "Infinity", "-Infinity"} {
				if len(b)-i >= len(t) && string(b[i:i+len(t)]) == t {
					n = len(t)
					break
				}
			}
			if n > 0 {
				out = append(append(out, b[last:i]...), "null"...)
				last, i = i+n, i+n-1
			}
		}
	}
	if out == nil {
		return b, false
	}
	return append(out, b[last:]...), true
}

// Str returns b as a string without copying it.
func Str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
