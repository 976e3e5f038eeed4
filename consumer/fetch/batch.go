package fetch

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Places in what a batch begins with. Messages of old have the number of their
// format at the same place.
const (
	entryBytes = 8 + 4 // The offset of the first record and how much follows.
	magicAt    = 16
	sumAt      = 17
	checkedAt  = 21 // From here on the checksum is made.
	headBytes  = 61
)

// Bits of a batch's attributes.
const (
	codecBits   = 1<<3 - 1
	controlBits = 1 << 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// cut returns the first batch of a set, or none where it is not whole.
func cut(set []byte) (entry []byte, base int64, err error) {
	if len(set) < entryBytes {
		return nil, 0, nil
	}
	base = int64(binary.BigEndian.Uint64(set))
	length := int64(int32(binary.BigEndian.Uint32(set[8:])))
	switch {
	case base < 0 || base > math.MaxInt64-math.MaxUint32:
		return nil, 0, corrupt(base, "there is no such offset")
	case length <= magicAt-entryBytes:
		return nil, 0, corrupt(base, "it says that it has %d bytes", length)
	case length > int64(len(set)-entryBytes):
		return nil, base, nil
	}
	return set[:entryBytes+length], base, nil
}

// beginBatch opens a batch of records. One that holds none from the wanted offset
// on is passed as it is, and so is one of a transaction's end.
func (r *Records) beginBatch(base int64, entry []byte) error {
	if len(entry) < headBytes {
		return corrupt(base, "it has %d bytes, its head alone has %d", len(entry), headBytes)
	}
	if told, sum := binary.BigEndian.Uint32(entry[sumAt:]), crc32.Checksum(entry[checkedAt:], castagnoli); told != sum {
		return corrupt(base, "its checksum is %08x, not %08x as it says", sum, told)
	}
	c := cursor{b: entry[checkedAt:]}
	attributes, delta, millis := c.int16(), c.int32(), c.int64()
	c.skip(8 + 8 + 2 + 4) // The newest time; the producer and its numbers.
	count := c.int32()
	if delta < 0 || count < 0 || int64(count) > int64(delta)+1 {
		return corrupt(base, "it says that it has %d records up to its offset %d", count, delta)
	}
	r.batch = batch{open: c, base: base, end: base + int64(delta) + 1, prior: base - 1, millis: millis}
	if attributes&controlBits != 0 || r.batch.end <= r.next || count == 0 {
		return nil
	}
	if codec := int(attributes & codecBits); codec != 0 {
		plain, err := r.unpack(base, codec, c.b)
		if err != nil {
			return err
		}
		r.batch.pack = Pack{Number: packs.Add(1), Records: int(count), Packed: c.b, Plain: plain, Unpack: unpackers[codec]}
		r.batch.open.b = plain
	}
	r.batch.more = int(count)
	return nil
}

// record reads the next record of a batch. Its parts must fill its length, and
// all records the batch: what would be passed over here would be lost.
func (b *batch) record(rec *Record) error {
	size := b.open.varint()
	c := cursor{b: b.open.nullable(size)}
	c.skip(1) // Attributes, of which there are none yet.
	rec.Millis = b.millis + c.varint()
	rec.Offset = b.base + c.varint()
	c.nullable(c.varint()) // The key.
	rec.Value = c.nullable(c.varint())
	rec.Headers = rec.Headers[:0]
	n := c.varint()
	if n < 0 || n > int64(len(c.b)) { // Each has two bytes at least.
		c.short = true
	}
	for ; n > 0 && !c.short; n-- {
		rec.Headers = append(rec.Headers, Header{Key: c.nullable(c.varint()), Value: c.nullable(c.varint())})
	}
	b.more--
	switch {
	case b.open.short || c.short || len(c.b) > 0:
		return corrupt(b.base, "the record after offset %d does not fill its %d bytes", b.prior, size)
	case rec.Offset <= b.prior || rec.Offset >= b.end:
		return corrupt(b.base, "the record after offset %d is said to be at %d, the batch ends before %d", b.prior, rec.Offset, b.end)
	case b.more == 0 && len(b.open.b) > 0:
		return corrupt(b.base, "there are %d bytes after its last record", len(b.open.b))
	}
	b.prior = rec.Offset
	return nil
}
