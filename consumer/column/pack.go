package column

import (
	"encoding/binary"
	"unsafe"
)

// Pack is memory in which values lie together, packed by somebody else: a batch
// of records as it was fetched. A column of strings may keep it in place of
// values, which then are not packed a second time.
type Pack struct {
	Number uint64 // No two have the same.
	Packed []byte
	Plain  []byte                                  // What Packed unpacks to, valid during the call.
	Unpack func(to, packed []byte) ([]byte, error) // Adds what is packed to to.
}

// Keeper is a column that keeps packs.
type Keeper interface {
	// Keep adds v as Bytes does, or is false where v does not lie in p as it
	// would be sent: behind its length.
	Keep(p *Pack, v []byte) bool
}

// place is where v lies in what is unpacked, with its length before it.
// That is how Protocol Buffers and ClickHouse both write a string.
func (p *Pack) place(v []byte) (spot, bool) {
	if len(v) == 0 || len(p.Plain) == 0 {
		return spot{}, false
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(v))) - uintptr(unsafe.Pointer(unsafe.SliceData(p.Plain)))
	if at >= uintptr(len(p.Plain)) || uintptr(len(v)) > uintptr(len(p.Plain))-at {
		return spot{}, false
	}
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(v)))
	from := int(at) - n
	if from < 0 || string(p.Plain[from:at]) != string(head[:n]) {
		return spot{}, false
	}
	return spot{uint32(from), uint32(n + len(v))}, true
}

// spot is a value with its length before it in what a pack unpacks to; of no
// bytes for an empty value, which lies nowhere.
type spot struct{ at, n uint32 }

const spotBytes = 8

// shelf holds packs one behind the other, in pieces of one size, so that their
// memory can be used again whatever their sizes are.
type shelf struct {
	pieces []*[shelfBytes]byte
	n      int
}

const shelfBytes = 64 << 10

func (s *shelf) add(p []byte) {
	for len(p) > 0 {
		if s.n == len(s.pieces)*shelfBytes {
			s.pieces = append(s.pieces, shelves.Get().(*[shelfBytes]byte))
		}
		n := copy(s.pieces[s.n/shelfBytes][s.n%shelfBytes:], p)
		s.n, p = s.n+n, p[n:]
	}
}

// cut adds what was added from at on to to.
func (s *shelf) cut(to []byte, at, n int) []byte {
	for n > 0 {
		part := s.pieces[at/shelfBytes][at%shelfBytes:]
		part = part[:min(len(part), n)]
		to = append(to, part...)
		at, n = at+len(part), n-len(part)
	}
	return to
}

func (s *shelf) reset() {
	for _, p := range s.pieces {
		shelves.Put(p)
	}
	clear(s.pieces)
	s.pieces, s.n = s.pieces[:0], 0
}
