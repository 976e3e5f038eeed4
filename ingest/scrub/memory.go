package scrub

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"unsafe"
)

// What clients send is much the same from event to event: names of variables,
// lines of source. What was decided of one is kept in small tables, which answer
// most questions in a few nanoseconds. The text itself is compared, so a clash
// costs time and never gives a wrong answer.

// verdict is what was decided of a name.
type verdict struct {
	key    string
	secret bool
}

// verdicts are those of names of 3 to 64 bytes, by place.
type verdicts []atomic.Pointer[verdict]

func (t verdicts) secret(key string, n *names) bool {
	at := &t[place(key)%uint64(len(t))]
	v := at.Load()
	if v != nil && v.key == key {
		return v.secret
	}
	secret := n.unseen(key)
	if v == nil || displaces() {
		at.Store(&verdict{key: strings.Clone(key), secret: secret})
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

// maxLine bounds the lines that are remembered, and with their number the memory.
const maxLine = 160

// lines are lines of source in which nothing was found: the same ones come with
// every event of an issue.
type lines struct {
	seed  maphash.Seed
	known []atomic.Pointer[string]
}

func newLines(n int) lines { return lines{maphash.MakeSeed(), make([]atomic.Pointer[string], n)} }

// line is text for a line of source.
func (s *Scrubber) line(v string, c Counts) string {
	if len(v) < 12 || len(v) > maxLine {
		return s.text(v, true, c)
	}
	t := &s.names.lines
	at := &t.known[maphash.String(t.seed, v)%uint64(len(t.known))]
	known := at.Load()
	if known != nil && *known == v {
		return v
	}
	out := s.text(v, true, c)
	if out == v && (known == nil || displaces()) {
		clean := strings.Clone(v)
		at.Store(&clean)
	}
	return out
}
