// Package column holds typed column buffers in the layout of ClickHouse's
// native format. In: values of a row, one call a cell, through the Cell
// interface. Out: buffers that ch-go sends as they are. The types are those
// that the server names, so a change of a column's type in the DDL needs no
// change here. It never reflects, never keeps a caller's memory, and saturates
// a value that does not fit, so that a table cannot refuse it for its range.
package column

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"errata/schema"
)

// ErrType is returned for a column whose type this package does not know, or
// for a value that does not suit the type.
var ErrType = errors.New("unsupported column type")

// Cell takes the next value of one column. Each row calls exactly one method
// once (for arrays: any number of appends to Elem, then End). A method that
// does not suit the column's type is recorded and told by Err.
type Cell interface {
	Uint(v uint64)
	Int(v int64)
	Float(v float64)
	Bool(v bool)
	Text(v string)
	Bytes(v []byte) // UUID: 16 bytes, anything else is the zero UUID.
	Millis(v int64) // Unix milliseconds, for times.
	Micros(v int64) // Unix microseconds, for times.
	Tags(v []*schema.Tag)
	Texts(v []string)
	Uints(v []uint64)
	Uints32(v []uint32)
	Floats(v []float64)
	Bools(v []bool)

	Key() Cell  // Of a map.
	Elem() Cell // Of an array, or the value of a map.
	End()       // Ends the row of an array or a map.
}

// Column is a buffer for one column.
type Column interface {
	Cell
	proto.ColInput
	// Reset forgets the rows and keeps the memory.
	Reset()
	// Size is the number of bytes held by the rows.
	Size() int
	// CopyTo appends rows [from, to) to dst, a column of the same type.
	CopyTo(dst Column, from, to int)
	// Err tells of the first value that did not suit the type.
	Err() error
}

// New returns a column for a type as ClickHouse spells it, for example
// "LowCardinality(String)" or "DateTime64(3, 'UTC')".
func New(typ string) (Column, error) {
	name, args := cut(typ)
	c := refuse{typ: proto.ColumnType(typ)}
	switch name {
	case "UInt8", "Bool":
		return &number{refuse: c, width: 1, max: 1<<8 - 1}, nil
	case "UInt16":
		return &number{refuse: c, width: 2, max: 1<<16 - 1}, nil
	case "UInt32":
		return &number{refuse: c, width: 4, max: 1<<32 - 1}, nil
	case "UInt64":
		return &number{refuse: c, width: 8, max: 1<<64 - 1}, nil
	case "Int8":
		return &number{refuse: c, width: 1, max: 1<<7 - 1, signed: true}, nil
	case "Int16":
		return &number{refuse: c, width: 2, max: 1<<15 - 1, signed: true}, nil
	case "Int32":
		return &number{refuse: c, width: 4, max: 1<<31 - 1, signed: true}, nil
	case "Int64":
		return &number{refuse: c, width: 8, max: 1<<63 - 1, signed: true}, nil
	case "Float32":
		return &float{refuse: c, width: 4}, nil
	case "Float64":
		return &float{refuse: c, width: 8}, nil
	case "UUID":
		return &uuid{refuse: c}, nil
	case "String":
		return &text{refuse: c}, nil
	case "DateTime":
		return &moment{refuse: c, width: 4, perMicro: 1, perUnit: 1_000_000}, nil
	case "DateTime64":
		return newMoment64(c, args)
	case "Enum8":
		return newEnum(c, args)
	case "LowCardinality":
		if len(args) == 1 && args[0] == "String" {
			return newDict(c), nil
		}
	case "Array":
		if len(args) == 1 {
			elem, err := New(args[0])
			return &array{refuse: c, elem: elem}, err
		}
	case "Map":
		if len(args) == 2 {
			key, err := New(args[0])
			if err != nil {
				return nil, err
			}
			elem, err := New(args[1])
			return &array{refuse: c, key: key, elem: elem}, err
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrType, typ)
}

// cut splits "Map(K, V)" into "Map" and its arguments at the top level.
func cut(typ string) (name string, args []string) {
	name, rest, ok := strings.Cut(strings.TrimSpace(typ), "(")
	if !ok {
		return name, nil
	}
	rest = strings.TrimSuffix(rest, ")")
	depth, start, quoted := 0, 0, false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			args = append(args, strings.TrimSpace(rest[start:i]))
			start = i + 1
		}
	}
	return name, append(args, strings.TrimSpace(rest[start:]))
}

func newMoment64(c refuse, args []string) (Column, error) {
	p, err := strconv.Atoi(args[0])
	if err != nil || p < 0 || p > 9 {
		return nil, fmt.Errorf("%w: %s", ErrType, c.typ)
	}
	m := &moment{refuse: c, width: 8, perMicro: 1, perUnit: 1}
	for ; p > 6; p-- {
		m.perMicro *= 10
	}
	for ; p < 6; p++ {
		m.perUnit *= 10
	}
	return m, nil
}

func newEnum(c refuse, args []string) (Column, error) {
	e := &number{refuse: c, width: 1, max: 1<<7 - 1, signed: true, known: new([128]bool)}
	for _, a := range args {
		_, v, ok := strings.Cut(a, "=")
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if !ok || err != nil || n < -128 || n > 127 {
			return nil, fmt.Errorf("%w: %s", ErrType, c.typ)
		}
		if n >= 0 {
			e.known[n] = true
		}
	}
	if !e.known[0] {
		return nil, fmt.Errorf("%w: %s has no member 0 for unknown values", ErrType, c.typ)
	}
	return e, nil
}

// refuse answers every method of Cell with a recorded error; the types below
// override what suits them.
type refuse struct {
	typ proto.ColumnType
	err error
}

func (r *refuse) refuse(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s does not take %s", ErrType, r.typ, what)
	}
}

func (r *refuse) Type() proto.ColumnType { return r.typ }
func (r *refuse) Err() error             { return r.err }
func (r *refuse) Uint(uint64)            { r.refuse("an unsigned number") }
func (r *refuse) Int(int64)              { r.refuse("a number") }
func (r *refuse) Float(float64)          { r.refuse("a float") }
func (r *refuse) Bool(bool)              { r.refuse("a truth value") }
func (r *refuse) Text(string)            { r.refuse("text") }
func (r *refuse) Bytes([]byte)           { r.refuse("bytes") }
func (r *refuse) Millis(int64)           { r.refuse("a time") }
func (r *refuse) Micros(int64)           { r.refuse("a time") }
func (r *refuse) Tags([]*schema.Tag)     { r.refuse("tags") }
func (r *refuse) Texts([]string)         { r.refuse("texts") }
func (r *refuse) Uints([]uint64)         { r.refuse("numbers") }
func (r *refuse) Uints32([]uint32)       { r.refuse("numbers") }
func (r *refuse) Floats([]float64)       { r.refuse("floats") }
func (r *refuse) Bools([]bool)           { r.refuse("truth values") }
func (r *refuse) End()                   { r.refuse("an end of a list") }
func (r *refuse) Key() Cell              { r.refuse("keys"); return r }
func (r *refuse) Elem() Cell             { r.refuse("elements"); return r }
