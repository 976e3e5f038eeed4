package column

import (
	"encoding/binary"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// text is a column of strings: lengths and bytes in one buffer, as on the wire.
type text struct {
	refuse
	buf  []byte
	rows int
}

func (c *text) Rows() int                    { return c.rows }
func (c *text) Size() int                    { return len(c.buf) }
func (c *text) Reset()                       { c.buf, c.rows = c.buf[:0], 0 }
func (c *text) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *text) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }

func (c *text) Text(v string) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(v))), v...)
	c.rows++
}

func (c *text) Bytes(v []byte) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(v))), v...)
	c.rows++
}

func (c *text) CopyTo(dst Column, from, to int) {
	d := dst.(*text)
	skip := func(at, n int) int {
		for ; n > 0; n-- {
			l, w := binary.Uvarint(c.buf[at:])
			at += w + int(l)
		}
		return at
	}
	start := skip(0, from)
	d.buf = append(d.buf, c.buf[start:skip(start, to-from)]...)
	d.rows += to - from
}

// dict is a column of LowCardinality(String): a dictionary of the values of
// this block and one key a row.
type dict struct {
	refuse
	index map[string]uint32
	names []string
	words text
	keys  []uint32
	out   []byte // Keys in their final width, made when the block is sent.
	last  uint32 // Key of the row before: neighbours often are equal.
}

func newDict(c refuse) *dict { return &dict{refuse: c, index: map[string]uint32{}} }

func (c *dict) Rows() int { return len(c.keys) }
func (c *dict) Size() int { return c.words.Size() + 4*len(c.keys) }

func (c *dict) Reset() {
	clear(c.index)
	clear(c.names)
	c.names = c.names[:0]
	c.words.Reset()
	c.keys = c.keys[:0]
}

func (c *dict) Text(v string) {
	if len(c.keys) > 0 && c.names[c.last] == v {
		c.keys = append(c.keys, c.last)
		return
	}
	k, ok := c.index[v]
	if !ok {
		k = uint32(len(c.names))
		own := strings.Clone(v) // v may alias a message that is gone soon.
		c.index[own] = k
		c.names = append(c.names, own)
		c.words.Text(own)
	}
	c.last = k
	c.keys = append(c.keys, k)
}

func (c *dict) Bytes(v []byte) { c.Text(string(v)) }

func (c *dict) CopyTo(dst Column, from, to int) {
	for _, k := range c.keys[from:to] {
		dst.Text(c.names[k])
	}
}

// Meta bits of a block of LowCardinality: it brings its own keys and replaces
// the dictionary.
const dictMeta = 1<<9 | 1<<10

// EncodeState writes the version of the key serialization.
func (c *dict) EncodeState(b *proto.Buffer) { b.PutInt64(1) }

func (c *dict) EncodeColumn(b *proto.Buffer) {
	if len(c.keys) == 0 {
		return
	}
	c.head(b)
	b.PutRaw(c.out)
}

func (c *dict) WriteColumn(w *proto.Writer) {
	if len(c.keys) == 0 {
		return
	}
	w.ChainBuffer(c.head)
	w.ChainWrite(c.out)
}

func (c *dict) head(b *proto.Buffer) {
	kind, width := int64(0), 1
	switch n := len(c.names); {
	case n > 1<<16:
		kind, width = 2, 4
	case n > 1<<8:
		kind, width = 1, 2
	}
	c.out = c.out[:0]
	for _, k := range c.keys {
		c.out = appendWidth(c.out, width, uint64(k))
	}
	b.PutInt64(dictMeta | kind)
	b.PutInt64(int64(len(c.names)))
	b.PutRaw(c.words.buf)
	b.PutInt64(int64(len(c.keys)))
}
