package fetch

import (
	"encoding/binary"
	"hash/crc32"
)

// beginMessage opens a message as brokers kept them before there were batches.
// One that is packed holds a set of messages, and has the offset of the last of
// them; in the newer of the two formats theirs are told from that.
func (r *Records) beginMessage(base int64, entry []byte) error {
	m, err := parseMessage(base, entry)
	if err != nil {
		return err
	}
	r.batch = batch{old: true, base: base, end: base + 1, prior: -1, open: cursor{b: entry}, more: 1}
	if r.batch.end <= r.next {
		r.batch.more = 0
		return nil
	}
	if m.codec == 0 {
		return nil
	}
	set, err := r.unpack(base, m.codec, m.value)
	if err != nil {
		return err
	}
	n, last := 0, int64(0)
	for left := set; len(left) > 0; n++ {
		inner, offset, err := cut(left)
		if err != nil {
			return err
		}
		if inner == nil {
			return corrupt(base, "%d bytes of what it holds are no message", len(left))
		}
		last, left = offset, left[len(inner):]
	}
	if m.magic == 1 {
		r.batch.shift = base - last
	}
	r.batch.open.b, r.batch.more = set, n
	return nil
}

// message reads the next message of the set at hand.
func (b *batch) message(rec *Record) error {
	entry, offset, err := cut(b.open.b)
	if err != nil {
		return err
	}
	m, err := parseMessage(b.base, entry)
	if err != nil {
		return err
	}
	if m.codec != 0 {
		return corrupt(b.base, "a message that was packed holds another one that is packed")
	}
	b.open.b = b.open.b[len(entry):]
	b.more--
	*rec = Record{Offset: offset + b.shift, Millis: m.millis, Value: m.value, Headers: rec.Headers[:0]}
	if rec.Offset <= b.prior || rec.Offset >= b.end {
		return corrupt(b.base, "the message after offset %d is said to be at %d", b.prior, rec.Offset)
	}
	b.prior = rec.Offset
	return nil
}

type message struct {
	magic  byte
	codec  int
	millis int64
	value  []byte
}

func parseMessage(base int64, entry []byte) (m message, err error) {
	if len(entry) < entryBytes+4+2 || entry[magicAt] > 1 {
		return m, corrupt(base, "%d bytes are no message", len(entry))
	}
	m.magic = entry[magicAt]
	checked := entry[entryBytes+4:]
	if told, sum := binary.BigEndian.Uint32(entry[entryBytes:]), crc32.ChecksumIEEE(checked); told != sum {
		return m, corrupt(base, "the checksum of a message is %08x, not %08x as it says", sum, told)
	}
	c := cursor{b: checked[1:]}
	m.codec = int(c.take(1)[0] & codecBits)
	if m.magic == 1 {
		m.millis = c.int64()
	}
	c.nullable(int64(c.int32())) // The key.
	m.value = c.nullable(int64(c.int32()))
	if c.short || len(c.b) > 0 {
		return m, corrupt(base, "a message does not fill its %d bytes", len(entry))
	}
	return m, nil
}
