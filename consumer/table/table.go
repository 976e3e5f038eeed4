// Package table turns rows of the wire format into column buffers, one set of
// tables a block. In: decoded rows with their origin. Out: buffers for
// INSERTs whose column order is that of schema/tables/insert. It never keeps
// memory of a row after the call and never talks to a server.
package table

import (
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"errata/consumer/column"
	"errata/schema/tables/insert"
)

// ErrColumn is returned where a table of the server does not suit this build.
var ErrColumn = errors.New("the tables of the server do not suit this build; run `errata migrate`")

// Types are the column types of the server, by table and column.
type Types map[string]map[string]string

// Table is the rows of one block for one table.
type Table struct {
	insert.Statement
	columns []column.Column
	input   proto.Input
	next    int
	rows    int
}

// newTable builds empty columns of the types that the server names.
func newTable(name string, types Types) (*Table, error) {
	s, err := insert.Load(name)
	if err != nil {
		return nil, err
	}
	t := &Table{Statement: s}
	for _, c := range s.Columns {
		typ, ok := types[name][c]
		if !ok {
			return nil, fmt.Errorf("cannot write to %s.%s: no such column: %w", name, c, ErrColumn)
		}
		col, err := column.New(typ)
		if err != nil {
			return nil, fmt.Errorf("cannot write to %s.%s: %w", name, c, err)
		}
		t.columns = append(t.columns, col)
		t.input = append(t.input, proto.InputColumn{Name: c, Data: col})
	}
	return t, nil
}

// cell returns the next column of the row.
func (t *Table) cell() column.Cell {
	c := t.columns[t.next]
	t.next++
	return c
}

// kept gives the next column v, which may lie in p.
func (t *Table) kept(p *column.Pack, v []byte) {
	c := t.cell()
	if k, ok := c.(column.Keeper); ok && p != nil && k.Keep(p, v) {
		return
	}
	c.Bytes(v)
}

// end closes the row. Giving too few values is a defect of this package, which
// the check of NewSet finds at start.
func (t *Table) end() {
	if t.next == len(t.columns) {
		t.rows++
	}
	t.next = 0
}

// check appends one row by f and says whether it suited every column.
func (t *Table) check(f func()) error {
	f()
	if t.rows != 1 {
		return fmt.Errorf("cannot write to %s: the row has another number of values than the insert has columns: %w", t.Table, ErrColumn)
	}
	for i, c := range t.columns {
		if err := c.Err(); err != nil {
			return fmt.Errorf("cannot write to %s.%s: %w: %w", t.Table, t.Columns[i], err, ErrColumn)
		}
		if c.Rows() != 1 {
			return fmt.Errorf("cannot write to %s.%s: a row gives %d values: %w", t.Table, t.Columns[i], c.Rows(), ErrColumn)
		}
	}
	t.Reset()
	return nil
}

// Rows is the number of complete rows.
func (t *Table) Rows() int { return t.rows }

// Size is the number of bytes that the rows hold.
func (t *Table) Size() int {
	n := 0
	for _, c := range t.columns {
		n += c.Size()
	}
	return n
}

// Reset forgets the rows and keeps the memory.
func (t *Table) Reset() {
	for _, c := range t.columns {
		c.Reset()
	}
	t.rows, t.next = 0, 0
}

// Input is the rows as ch-go sends them; it may be sent any number of times.
func (t *Table) Input() proto.Input { return t.input }

// Slice returns a copy of rows [from, to).
func (t *Table) Slice(from, to int) (*Table, error) {
	s := &Table{Statement: t.Statement, rows: to - from}
	for i, c := range t.columns {
		col, err := column.New(string(c.Type()))
		if err != nil {
			return nil, fmt.Errorf("cannot cut %s: %w", t.Table, err)
		}
		c.CopyTo(col, from, to)
		s.columns = append(s.columns, col)
		s.input = append(s.input, proto.InputColumn{Name: t.Columns[i], Data: col})
	}
	return s, nil
}
