package column

import (
	"encoding/binary"
	"math"

	"github.com/ClickHouse/ch-go/proto"
)

// number is a column of integers, truth values or enum members.
type number struct {
	refuse
	buf    []byte
	width  int
	max    uint64
	signed bool
	known  *[128]bool // Members of an enum; others become 0.
}

func (c *number) Rows() int                    { return len(c.buf) / c.width }
func (c *number) Size() int                    { return len(c.buf) }
func (c *number) Reset()                       { c.buf = c.buf[:0] }
func (c *number) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *number) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *number) CopyTo(dst Column, from, to int) {
	d := dst.(*number)
	d.buf = append(d.buf, c.buf[from*c.width:to*c.width]...)
}

func (c *number) put(v uint64) { c.buf = appendWidth(c.buf, c.width, v) }

func (c *number) Uint(v uint64) {
	v = min(v, c.max)
	if c.known != nil && !c.known[v] {
		v = 0
	}
	c.put(v)
}

func (c *number) Int(v int64) {
	if !c.signed {
		c.Uint(uint64(max(v, 0)))
		return
	}
	v = max(min(v, int64(c.max)), -int64(c.max)-1)
	c.put(uint64(v))
}

func (c *number) Bool(v bool) {
	if v {
		c.put(1)
	} else {
		c.put(0)
	}
}

func appendWidth(buf []byte, width int, v uint64) []byte {
	switch width {
	case 1:
		return append(buf, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(buf, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(buf, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(buf, v)
}

// float is a column of floating point numbers.
type float struct {
	refuse
	buf   []byte
	width int
}

func (c *float) Rows() int                    { return len(c.buf) / c.width }
func (c *float) Size() int                    { return len(c.buf) }
func (c *float) Reset()                       { c.buf = c.buf[:0] }
func (c *float) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *float) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *float) CopyTo(dst Column, from, to int) {
	d := dst.(*float)
	d.buf = append(d.buf, c.buf[from*c.width:to*c.width]...)
}

func (c *float) Float(v float64) {
	if c.width == 4 {
		c.buf = appendWidth(c.buf, 4, uint64(math.Float32bits(float32(v))))
		return
	}
	c.buf = appendWidth(c.buf, 8, math.Float64bits(v))
}

// uuid is a column of UUIDs: two little-endian halves, the high one first.
type uuid struct {
	refuse
	buf []byte
}

func (c *uuid) Rows() int                    { return len(c.buf) / 16 }
func (c *uuid) Size() int                    { return len(c.buf) }
func (c *uuid) Reset()                       { c.buf = c.buf[:0] }
func (c *uuid) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *uuid) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *uuid) CopyTo(dst Column, from, to int) {
	d := dst.(*uuid)
	d.buf = append(d.buf, c.buf[from*16:to*16]...)
}

func (c *uuid) Bytes(v []byte) {
	if len(v) != 16 {
		var zero [16]byte
		v = zero[:]
	}
	c.buf = binary.LittleEndian.AppendUint64(c.buf, binary.BigEndian.Uint64(v[:8]))
	c.buf = binary.LittleEndian.AppendUint64(c.buf, binary.BigEndian.Uint64(v[8:]))
}

// Bounds of times that ClickHouse can show, Unix microseconds: 1900 to 2299
// for DateTime64, 1970 to 2106 for DateTime.
const (
	minMoment64 = -2208988800_000000
	maxMoment64 = 10413791999_000000
	maxMoment32 = (1<<32 - 1) * 1_000000
)

// moment is a column of DateTime or DateTime64(p).
type moment struct {
	refuse
	buf      []byte
	width    int
	perMicro int64 // Units of the column in a microsecond (p > 6), else 1.
	perUnit  int64 // Microseconds in a unit of the column (p < 6), else 1.
}

func (c *moment) Rows() int                    { return len(c.buf) / c.width }
func (c *moment) Size() int                    { return len(c.buf) }
func (c *moment) Reset()                       { c.buf = c.buf[:0] }
func (c *moment) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *moment) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *moment) CopyTo(dst Column, from, to int) {
	d := dst.(*moment)
	d.buf = append(d.buf, c.buf[from*c.width:to*c.width]...)
}

func (c *moment) Millis(v int64) {
	c.Micros(max(min(v, maxMoment64/1000), minMoment64/1000) * 1000)
}

func (c *moment) Micros(v int64) {
	if c.width == 4 {
		v = max(min(v, maxMoment32), 0)
	} else {
		v = max(min(v, maxMoment64, math.MaxInt64/c.perMicro), minMoment64)
	}
	unit := v / c.perUnit
	if v < 0 && v%c.perUnit != 0 {
		unit-- // Floor, as a time before 1970 rounds.
	}
	c.buf = appendWidth(c.buf, c.width, uint64(unit*c.perMicro))
}
