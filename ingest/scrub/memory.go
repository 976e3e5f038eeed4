package scrub

import (
	"hash/maphash"
	"math/rand/v2"
	"strings"
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
	known []atomic.Pointer[string]
}

func newLines(n int) *lines {
	return &lines{maphash.MakeSeed(), make([]atomic.Pointer[string], n)}
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
	known := at.Load()
	if known != nil && *known == v {
		return v
	}
	out := s.detect.Text(v, true, c)
	// One takes the place of another now and then only: two that share a place and
	// come in each event would else cost memory each time.
	if out == v && (known == nil || rand.Uint32()%16 == 0) {
		clean := strings.Clone(v)
		at.Store(&clean)
	}
	return out
}
