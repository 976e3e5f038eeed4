package scrub

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// maxLine bounds the lines that are remembered, and with their number the memory.
const maxLine = 160

// lines are lines of source in which nothing was found: the same ones come with
// every event of an issue. The line itself is compared, so a clash costs time and
// never gives a wrong answer.
type lines struct {
	seed  maphash.Seed
	known []atomic.Pointer[known]
}

// known is one of them, in one piece: each pointer that is followed is a wait for
// memory.
type known struct {
	size uint8
	text [maxLine]byte
}

func newLines(n int) *lines {
	return &lines{maphash.MakeSeed(), make([]atomic.Pointer[known], n)}
}

// sharedLines are those of projects without names of their own.
var sharedLines = sync.OnceValue(func() *lines { return newLines(8192) })

// linesOf returns what is remembered for a project's rules.
func linesOf(r Rules) *lines {
	if !r.NoDefaults && len(r.SensitiveFields)+len(r.SafeFields) == 0 {
		return sharedLines()
	}
	return newLines(1024)
}

// line is text for a line of source.
func (s *Scrubber) line(v string, c Counts) string {
	if len(v) < 12 || len(v) > maxLine {
		return s.detect.Text(v, true, c)
	}
	at := &s.lines.known[maphash.String(s.lines.seed, v)%uint64(len(s.lines.known))]
	k := at.Load()
	if k != nil && string(k.text[:k.size]) == v {
		return v
	}
	out := s.detect.Text(v, true, c)
	// One takes the place of another now and then only: two that share a place and
	// come in each event would else cost memory each time.
	if out == v && (k == nil || rand.Uint32()%16 == 0) {
		k = &known{size: uint8(len(v))}
		copy(k.text[:], v)
		at.Store(k)
	}
	return out
}
