package column

import (
	"encoding/binary"
	"runtime"
	"strings"
	"sync"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/klauspost/compress/s2"
)

// chunkBytes is how much of a column of strings is packed at a time. A block
// has some thirty such columns, and a consumer two blocks a partition: what is
// not packed yet must stay small.
const chunkBytes = 128 << 10

// text is a column of strings: lengths and bytes in one stream, as on the wire.
// A long stream is packed chunk by chunk: payloads pack about five times, so a
// block of many events fits in little memory; they are unpacked on their way
// out. Values that lie in a pack are kept there.
type text struct {
	refuse
	chunks []chunk
	packed int    // Bytes in chunks that were packed here.
	buf    []byte // The end of the stream, not packed.
	rows   int
	packs  shelf
	spots  []spot // Of the values in packs, in order.
}

// chunk is a part of the stream: packed here, at least chunkBytes of it, or values
// in a pack.
type chunk struct {
	own         *[]byte
	number      uint64 // Of the pack.
	unpack      func(to, packed []byte) ([]byte, error)
	at, n       int // The pack's place on the shelf.
	first, past int // Its values among spots.
}

func (c *text) Rows() int { return c.rows }

func (c *text) Size() int {
	return c.packed + len(c.packs.pieces)*shelfBytes + len(c.spots)*spotBytes + len(c.buf)
}

func (c *text) Reset() {
	for _, k := range c.chunks {
		if k.own != nil {
			spare.Put(k.own)
		}
	}
	clear(c.chunks)
	c.packs.reset()
	c.chunks, c.packed, c.buf, c.rows, c.spots = c.chunks[:0], 0, c.buf[:0], 0, c.spots[:0]
}

func (c *text) Text(v string) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(v))), v...)
	c.added()
}

func (c *text) Bytes(v []byte) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(v))), v...)
	c.added()
}

func (c *text) added() {
	c.rows++
	if len(c.buf) >= chunkBytes {
		c.pack()
	}
}

func (c *text) pack() {
	to := spare.Get().(*[]byte)
	work := packing.Get().(*[]byte)
	*work = s2.Encode((*work)[:cap(*work)], c.buf)
	*to = append((*to)[:0], *work...)
	packing.Put(work)
	c.chunks = append(c.chunks, chunk{own: to})
	c.packed += len(*to)
	c.buf = c.buf[:0]
}

// Keep makes a chunk of the values of a pack that follow each other.
func (c *text) Keep(p *Pack, v []byte) bool {
	n := len(c.chunks)
	open := n > 0 && c.chunks[n-1].own == nil && c.chunks[n-1].number == p.Number && len(c.buf) == 0
	at, ok := p.place(v)
	if !ok && (!open || len(v) > 0) { // An empty value does not end a chunk.
		return false
	}
	if !open {
		if len(c.buf) > 0 {
			c.pack()
		}
		c.chunks = append(c.chunks, chunk{number: p.Number, unpack: p.Unpack, at: c.packs.n, n: len(p.Packed), first: len(c.spots), past: len(c.spots)})
		c.packs.add(p.Packed)
	}
	c.spots = append(c.spots, at)
	c.chunks[len(c.chunks)-1].past++
	c.rows++
	return true
}

// spare is memory of packed chunks that are sent: all blocks of all partitions
// share it, so that it follows what they hold together, not the largest block
// that each of them ever was.
var spare = sync.Pool{New: func() any { return new([]byte) }}

// packing holds buffers for one chunk, packed or not.
var packing = sync.Pool{New: func() any { b := make([]byte, s2.MaxEncodedLen(chunkBytes+chunkBytes/4)); return &b }}

// shelves is memory of packs, shared like spare.
var shelves = sync.Pool{New: func() any { return new([shelfBytes]byte) }}

// unpacked is memory for packs as they are sent.
var unpacked = sync.Pool{New: func() any { return new([2][]byte) }}

// mostUnpacked keeps the memory of rare large packs out of the pool.
const mostUnpacked = 4 << 20

// noText is an empty value.
var noText = []byte{0}

// stream calls f with the stream, piece by piece; a piece is valid until done is
// called, and what is left behind the last call until the next row.
func (c *text) stream(f func(piece []byte), done func()) {
	if len(c.chunks) > 0 {
		work := packing.Get().(*[]byte)
		for i := range c.chunks {
			if k := &c.chunks[i]; k.own == nil {
				c.streamPack(k, f, done)
				continue
			}
			raw, err := s2.Decode((*work)[:cap(*work)], *c.chunks[i].own)
			if err != nil {
				panic("column: a chunk that this process packed cannot be unpacked: " + err.Error())
			}
			if cap(raw) > cap(*work) {
				*work = raw
			}
			f(raw)
			done()
			runtime.Gosched() // The edge of the same process has work of microseconds.
		}
		packing.Put(work)
	}
	f(c.buf)
}

func (c *text) streamPack(k *chunk, f func(piece []byte), done func()) {
	work := unpacked.Get().(*[2][]byte)
	work[0] = c.packs.cut(work[0][:0], k.at, k.n)
	raw, err := k.unpack(work[1][:0], work[0])
	if err != nil {
		panic("column: a pack that this process unpacked before cannot be unpacked: " + err.Error())
	}
	work[1] = raw
	for _, x := range c.spots[k.first:k.past] {
		if x.n == 0 {
			f(noText)
			continue
		}
		f(raw[x.at : x.at+x.n])
	}
	done()
	if cap(raw) <= mostUnpacked {
		unpacked.Put(work)
	}
	runtime.Gosched()
}

func (c *text) EncodeColumn(b *proto.Buffer) { c.stream(b.PutRaw, func() {}) }

// WriteColumn sends packed chunks at once: the writer keeps what it is handed
// until it flushes. An error of the connection shows at the next flush, too.
func (c *text) WriteColumn(w *proto.Writer) {
	c.stream(w.ChainWrite, func() { _, _ = w.Flush() })
}

func (c *text) CopyTo(dst Column, from, to int) {
	whole := make([]byte, 0, len(c.buf)+chunkBytes*len(c.chunks))
	c.stream(func(piece []byte) { whole = append(whole, piece...) }, func() {})
	skip := func(at, n int) int {
		for ; n > 0; n-- {
			l, w := binary.Uvarint(whole[at:])
			at += w + int(l)
		}
		return at
	}
	at := skip(0, from)
	for range to - from {
		l, w := binary.Uvarint(whole[at:])
		dst.Bytes(whole[at+w : at+w+int(l)])
		at += w + int(l)
	}
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
	c.words.EncodeColumn(b)
	b.PutInt64(int64(len(c.keys)))
}
