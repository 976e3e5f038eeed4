package column

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"

	"errata/schema"
)

// array is a column of Array(elem), or of Map(key, elem) where key is set.
type array struct {
	refuse
	offsets []byte
	key     Column
	elem    Column
}

func (c *array) Rows() int { return len(c.offsets) / 8 }

func (c *array) Size() int {
	n := len(c.offsets) + c.elem.Size()
	if c.key != nil {
		n += c.key.Size()
	}
	return n
}

func (c *array) Reset() {
	c.offsets = c.offsets[:0]
	c.elem.Reset()
	if c.key != nil {
		c.key.Reset()
	}
}

func (c *array) Err() error {
	if c.err == nil && c.key != nil {
		c.err = c.key.Err()
	}
	if c.err == nil {
		c.err = c.elem.Err()
	}
	return c.err
}

func (c *array) Elem() Cell { return c.elem }

func (c *array) Key() Cell {
	if c.key == nil {
		c.refuse.refuse("keys")
		return &c.refuse
	}
	return c.key
}

func (c *array) End() {
	c.offsets = binary.LittleEndian.AppendUint64(c.offsets, uint64(c.elem.Rows()))
}

func (c *array) Tags(v []*schema.Tag) {
	if c.key == nil {
		c.refuse.refuse("tags")
		return
	}
	for _, t := range v {
		c.key.Text(t.Key)
		c.elem.Text(t.Value)
	}
	c.End()
}

func (c *array) Texts(v []string) {
	for _, s := range v {
		c.elem.Text(s)
	}
	c.End()
}

func (c *array) Uints(v []uint64) {
	for _, n := range v {
		c.elem.Uint(n)
	}
	c.End()
}

func (c *array) Uints32(v []uint32) {
	for _, n := range v {
		c.elem.Uint(uint64(n))
	}
	c.End()
}

func (c *array) Floats(v []float64) {
	for _, n := range v {
		c.elem.Float(n)
	}
	c.End()
}

func (c *array) Bools(v []bool) {
	for _, n := range v {
		c.elem.Bool(n)
	}
	c.End()
}

func (c *array) offset(row int) int {
	if row == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint64(c.offsets[8*row-8:]))
}

func (c *array) CopyTo(dst Column, from, to int) {
	d := dst.(*array)
	base := d.elem.Rows() - c.offset(from)
	for i := from; i < to; i++ {
		d.offsets = binary.LittleEndian.AppendUint64(d.offsets, uint64(base+c.offset(i+1)))
	}
	c.elem.CopyTo(d.elem, c.offset(from), c.offset(to))
	if c.key != nil {
		c.key.CopyTo(d.key, c.offset(from), c.offset(to))
	}
}

// EncodeState writes the states of the inner columns.
func (c *array) EncodeState(b *proto.Buffer) {
	if s, ok := c.key.(proto.StateEncoder); ok {
		s.EncodeState(b)
	}
	if s, ok := c.elem.(proto.StateEncoder); ok {
		s.EncodeState(b)
	}
}

func (c *array) EncodeColumn(b *proto.Buffer) {
	b.PutRaw(c.offsets)
	if c.key != nil {
		c.key.EncodeColumn(b)
	}
	c.elem.EncodeColumn(b)
}

func (c *array) WriteColumn(w *proto.Writer) {
	w.ChainWrite(c.offsets)
	if c.key != nil {
		c.key.WriteColumn(w)
	}
	c.elem.WriteColumn(w)
}
