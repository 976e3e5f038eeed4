// Package native reads the scope that native clients leave beside the dump of a
// crash: MessagePack of an event and of its breadcrumbs. In: files, whole or cut by
// the crash. Out: the JSON document of an event. It knows no request.
package native

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/tinylib/msgp/msgp"

	"errata/ingest/sentry/limit"
	"errata/ingest/sentry/tree"
)

// The event lies in one file, breadcrumbs one after the other in two, which are
// written in turns.
const (
	eventName = "__sentry-event"
	crumbName = "__sentry-breadcrumb" // 1 and 2.

	eventType = "event.payload"
	crumbType = "event.breadcrumbs"

	maxCrumbs = 1000
)

var (
	errPackDepth = errors.New("MessagePack is nested deeper than 200")
	errPackKey   = errors.New("keys of MessagePack maps must be texts")
)

// Scope is what a client left beside a crash.
type Scope struct {
	Parts uint64 // Files of it.

	event  []byte
	crumbs [][]byte
}

// Add takes a file and reports whether it is part of the scope.
func (n *Scope) Add(name, kind string, data []byte) bool {
	switch {
	case len(data) > limit.MaxEventBytes:
		return false
	case name == eventName, kind == eventType:
		n.event = data
	case name == crumbName+"1", name == crumbName+"2", kind == crumbType:
		n.crumbs = append(n.crumbs, data)
	default:
		return false
	}
	n.Parts++
	return true
}

// Doc is the event that the files make, nil where they make none.
func (n *Scope) Doc() *tree.Doc {
	if n.Parts == 0 {
		return nil
	}
	text := []byte("{}")
	if len(n.event) > 0 {
		out, _, err := appendPack(nil, n.event, 0)
		if err != nil || out[0] != '{' {
			return nil
		}
		text = out
	}
	var lists [][]byte // JSON of the breadcrumbs of a file, with commas between.
	var first []string // Time of the first of each.
	for _, c := range n.crumbs {
		list, at := crumbList(c)
		if len(list) == 0 {
			continue
		}
		if len(lists) > 0 && at < first[0] {
			lists, first = append([][]byte{list}, lists...), append([]string{at}, first...)
			continue
		}
		lists, first = append(lists, list), append(first, at)
	}
	if len(lists) > 0 {
		text = text[:len(text)-1]
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, `"breadcrumbs":[`...), bytes.Join(lists, []byte(","))...), "]}"...)
	}
	doc, err := tree.Parse(text)
	if err != nil {
		return nil
	}
	return doc
}

// crumbList reads one file of breadcrumbs; a crash may have cut the last one.
func crumbList(b []byte) (list []byte, first string) {
	for n := 0; len(b) > 0 && n < maxCrumbs; n++ {
		out, rest, err := appendPack(nil, b, 0)
		if err != nil || out[0] != '{' {
			break
		}
		if n == 0 {
			if doc, err := tree.Parse(out); err == nil {
				first = string([]byte(tree.Get(doc.Root, "timestamp")))
				doc.Release()
			}
		} else {
			list = append(list, ',')
		}
		list, b = append(list, out...), rest
	}
	return list, first
}

// appendPack writes one value of MessagePack as JSON and returns what follows
// it. The output is some times the input at most.
func appendPack(dst, b []byte, depth int) (out, rest []byte, err error) {
	if depth > tree.MaxDepth {
		return dst, b, errPackDepth
	}
	switch msgp.NextType(b) {
	case msgp.MapType:
		return appendPackMap(dst, b, depth)
	case msgp.ArrayType:
		var n uint32
		if n, b, err = msgp.ReadArrayHeaderBytes(b); err != nil {
			return dst, b, err
		}
		dst = append(dst, '[')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, b, err = appendPack(dst, b, depth+1); err != nil {
				return dst, b, err
			}
		}
		return append(dst, ']'), b, nil
	case msgp.StrType:
		var s []byte
		s, b, err = msgp.ReadStringZC(b)
		return tree.AppendString(dst, tree.Str(s)), b, err
	case msgp.BinType:
		var s []byte
		s, b, err = msgp.ReadBytesZC(b)
		return tree.AppendString(dst, base64.StdEncoding.EncodeToString(s)), b, err
	case msgp.BoolType:
		var v bool
		v, b, err = msgp.ReadBoolBytes(b)
		return strconv.AppendBool(dst, v), b, err
	case msgp.IntType:
		var v int64
		v, b, err = msgp.ReadInt64Bytes(b)
		return strconv.AppendInt(dst, v, 10), b, err
	case msgp.UintType:
		var v uint64
		v, b, err = msgp.ReadUint64Bytes(b)
		return strconv.AppendUint(dst, v, 10), b, err
	case msgp.Float32Type, msgp.Float64Type:
		var v float64
		if v, b, err = msgp.ReadFloat64Bytes(b); math.IsNaN(v) || math.IsInf(v, 0) {
			return append(dst, "null"...), b, err
		}
		return strconv.AppendFloat(dst, v, 'g', -1, 64), b, err
	case msgp.TimeType:
		var v time.Time
		v, b, err = msgp.ReadTimeBytes(b)
		return tree.AppendString(dst, v.UTC().Format(time.RFC3339Nano)), b, err
	}
	b, err = msgp.Skip(b) // Nothing, or an extension that nobody reads.
	return append(dst, "null"...), b, err
}

func appendPackMap(dst, b []byte, depth int) (out, rest []byte, err error) {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return dst, b, err
	}
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if msgp.NextType(b) != msgp.StrType {
			return dst, b, errPackKey
		}
		var key []byte
		if key, b, err = msgp.ReadStringZC(b); err != nil {
			return dst, b, err
		}
		dst = append(tree.AppendString(dst, tree.Str(key)), ':')
		if dst, b, err = appendPack(dst, b, depth+1); err != nil {
			return dst, b, err
		}
	}
	return append(dst, '}'), b, nil
}
