package name

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// What clients send is much the same from event to event. What was decided of a
// name is kept in a small table, which answers most questions in a few
// nanoseconds. The name itself is compared, so a clash costs time and never gives
// a wrong answer.

// verdict is what was decided of a name: one line of a cache, with the name in
// it. What is looked up for each key of an event has left the caches when the next
// event comes, so each pointer that is followed is a wait for memory. It is written
// once: whoever reads its state sees all of it.
type verdict struct {
	state atomic.Uint32 // 0 is free, taken is being written, else the size of the name and whether it is a secret's.
	key   [maxName]byte
}

const (
	taken  = 1
	secret = 1 << 8
)

// maxName bounds the names that are remembered.
const maxName = 60

// verdicts are those of names of 3 to maxName bytes, by place: two places side
// by side for each.
type verdicts struct {
	all    []verdict
	passed atomic.Uint32 // Names that found no place.
}

func newVerdicts(n int) *verdicts { return &verdicts{all: make([]verdict, n)} }

func (n *Set) remembered(key string) bool {
	t := n.seen.Load()
	at := place(key) % uint64(len(t.all))
	for i := range uint64(2) {
		v := &t.all[at^i]
		state := v.state.Load()
		if int(state&(secret-1)) == len(key) && string(v.key[:len(key)]) == key {
			return state&secret != 0
		}
		if state == 0 && v.state.CompareAndSwap(0, taken) {
			state = uint32(len(key))
			if n.unseen(key) {
				state |= secret
			}
			copy(v.key[:], key)
			v.state.Store(state)
			return state&secret != 0
		}
	}
	// Names that do not come again may have taken all places: they are given up
	// when that has cost as much as to fill them anew.
	if t.passed.Add(1) == 64*uint32(len(t.all)) {
		n.seen.CompareAndSwap(t, newVerdicts(len(t.all)))
	}
	return n.unseen(key)
}

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
