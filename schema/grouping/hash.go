package grouping

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Fingerprints are xxHash64 over length-prefixed parts. 64 bits keep the chance
// of any collision among a million issues of a project below 1 in 10 million,
// and a deliberate one gains nothing: who may send an event may as well send
// the one that he wants to collide with. It costs a few nanoseconds a part.
// Every part carries a kind, so that a type never reads as a message.
type hasher struct{ d xxhash.Digest }

const (
	kindType     = 't'
	kindValue    = 'v'
	kindFrame    = 'f'
	kindFile     = 'F'
	kindFunction = 'n'
	kindContext  = 'c'
	kindMessage  = 'm'
	kindCustom   = 'u'
	kindDefault  = 'd'
	kindReport   = 'r'
	kindFallback = 'e'
	kindNSError  = 's'
	kindMember   = 'x'
	kindMain     = 'w'
)

func newHasher() hasher {
	var h hasher
	h.d.Reset()
	return h
}

func (h *hasher) text(kind byte, s string) {
	var b [5]byte
	b[0] = kind
	binary.LittleEndian.PutUint32(b[1:], uint32(len(s)))
	_, _ = h.d.Write(b[:])
	_, _ = h.d.WriteString(s)
}

func (h *hasher) number(kind byte, v uint64) {
	var b [9]byte
	b[0] = kind
	binary.LittleEndian.PutUint64(b[1:], v)
	_, _ = h.d.Write(b[:])
}

// Sum is never zero: zero means "none" in tables.
func (h *hasher) sum() uint64 {
	if v := h.d.Sum64(); v != 0 {
		return v
	}
	return 1
}
