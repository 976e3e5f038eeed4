package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"errata/ingest/node"
)

var headerPool = sync.Pool{New: func() any { return new(node.Parser) }}

var (
	errNotObject = errors.New("expected a JSON object")
	errUnclosed  = errors.New("JSON object is not closed")
)

// object reads the JSON object that starts at pos, white space before it skipped,
// and returns the position after it. The value is nil where its brackets match,
// but it is no JSON.
func object(p *node.Parser, b []byte, pos int) (*node.Value, int, error) {
	// Nearly all headers are one line, which needs no look for the brackets first.
	line := b[pos:min(len(b), pos+MaxHeaderBytes)]
	if n := bytes.IndexByte(line, '\n'); n >= 2 && line[0] == '{' && line[n-1] == '}' &&
		bytes.Count(line[:n], []byte{'{'})+bytes.Count(line[:n], []byte{'['}) <= maxHeaderDepth {
		if v, err := p.ParseBytes(line[:n]); err == nil {
			return v, pos + n, nil
		}
	}
	end, err := objectEnd(b, pos)
	if err != nil {
		return nil, 0, err
	}
	v, _ := p.ParseBytes(b[pos:end])
	return v, end, nil
}

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

// first keeps the first of values with the same key.
func first(at **node.Value, v *node.Value) {
	if *at == nil {
		*at = v
	}
}

// text returns a copy of a string value; anything else is empty. Words of nearly
// every header need no memory.
func text(v *node.Value, path ...string) string {
	switch b := v.GetStringBytes(path...); string(b) {
	case "":
		return ""
	case "event":
		return "event"
	case "application/json":
		return "application/json"
	default:
		return string(b)
	}
}

// optionalString accepts a string, null or nothing; what it returns is the
// parser's memory.
func optionalString(f *node.Value, key string) (string, error) {
	if f == nil || f.Type() == node.TypeNull {
		return "", nil
	}
	if f.Type() != node.TypeString {
		return "", fmt.Errorf("%s must be a string or null, not %s", key, f.Type())
	}
	return f.Text(), nil
}

// readTrace reads the trace of a header, nothing where it has no id. What it
// returns is the parser's memory.
func readTrace(v *node.Value) (t Trace) {
	var known [8]*node.Value // The first of each.
	members := v.Members()
	for i := range members {
		f := members[i].Value()
		switch members[i].Key() {
		case "trace_id":
			first(&known[0], f)
		case "public_key":
			first(&known[1], f)
		case "release":
			first(&known[2], f)
		case "environment":
			first(&known[3], f)
		case "transaction":
			first(&known[4], f)
		case "replay_id":
			first(&known[5], f)
		case "sample_rate":
			first(&known[6], f)
		case "sampled":
			first(&known[7], f)
		}
	}
	if known[0].Text() == "" {
		return Trace{}
	}
	to := [8]*string{&t.TraceID, &t.PublicKey, &t.Release, &t.Environment, &t.Transaction, &t.ReplayID, &t.SampleRate, &t.Sampled}
	for i, f := range known {
		*to[i] = f.Text()
	}
	return t
}

// own moves texts out of the parser's memory into one of their own.
func own(texts ...*string) {
	n := 0
	for _, s := range texts {
		n += len(*s)
	}
	all := make([]byte, 0, n)
	for _, s := range texts {
		start := len(all)
		all = append(all, *s...)
		*s = unsafe.String(unsafe.SliceData(all[start:]), len(all)-start)
	}
}
