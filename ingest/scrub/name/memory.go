package name

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// What clients send is much the same from event to event. What was decided of a
// name is kept in a small table, which answers most questions in a few
// nanoseconds. The name itself is compared, so a clash costs time and never gives
// a wrong answer.

// verdict is what was decided of a name: one line of a cache, with the name in
// it. What is looked up for each key of an event has left the caches when the next
// event comes, so each pointer that is followed is a wait for memory.
type verdict struct {
	secret bool
	size   uint8
	key    [maxName]byte
}

// maxName bounds the names that are remembered.
const maxName = 62

// verdicts are those of names of 3 to maxName bytes, by place.
type verdicts []atomic.Pointer[verdict]

func (t verdicts) secret(key string, n *Set) bool {
	at := &t[place(key)%uint64(len(t))]
	v := at.Load()
	if v != nil && string(v.key[:v.size]) == key {
		return v.secret
	}
	secret := n.unseen(key)
	if v == nil || displaces() {
		v = &verdict{secret: secret, size: uint8(len(key))}
		copy(v.key[:], key)
		at.Store(v)
	}
	return secret
}

// displaces says that a text takes the place of another one: now and then only,
// since two that share a place and come in each event would else cost memory each
// time.
func displaces() bool { return rand.Uint32()%16 == 0 }

// place spreads names by their first and last bytes, which tell those of one
// client apart.
func place(key string) uint64 {
	var first, last uint64
	switch n := len(key); {
	case n >= 8:
		first, last = word(key), word(key[n-8:])
	case n >= 4:
		first, last = half(key), half(key[n-4:])
	default:
		first, last = uint64(key[0])|uint64(key[1])<<8, uint64(key[n-1])
	}
	h := (first ^ bits.RotateLeft64(last, 29) ^ uint64(len(key))) * 0x9e3779b97f4a7c15
	return h >> 32
}

func word(s string) uint64 {
	return binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), 8))
}

func half(s string) uint64 {
	return uint64(binary.LittleEndian.Uint32(unsafe.Slice(unsafe.StringData(s), 4)))
}
