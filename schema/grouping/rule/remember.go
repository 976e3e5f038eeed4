package rule

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// Bounds of what a set remembers of paths: enough for the code of many
// applications where all projects share a set, and little enough for thousands
// of projects with rules of their own.
const (
	sharedSlots    = 1024
	ownSlots       = 128
	maxRemembered  = 256 // Bytes of a path.
	maxPathMatches = 512 // Path patterns of a set; with more nothing is remembered.
)

// paths remembers which path patterns of a set fit a path. The frames of one
// program come from a few hundred files, and trying all patterns on each of
// them was most of the work of frame rules.
type paths struct {
	seed  maphash.Seed
	slots []pathSlot
}

type pathSlot struct {
	last atomic.Uint64 // Hash of the path seen last.
	fit  atomic.Pointer[pathFit]
}

// pathFit has a bit for each path pattern, and one for each rule that asks for a
// path and may fit this one.
type pathFit struct {
	path        string // As it came.
	bits, rules []uint64
}

func (f *pathFit) has(i int) bool { return f.bits[i>>6]>>(i&63)&1 != 0 }

// number gives every path pattern of a set its bit. The matchers are copied: a
// rule may be part of several sets. slots is how many paths are remembered.
func (s *Set) number(slots int) {
	s.slots = slots
	s.pathMatchers = s.pathMatchers[:0]
	for i := range s.rules {
		r := &s.rules[i]
		for _, list := range []*[]matcher{&r.matchers, &r.caller, &r.callee} {
			own := append([]matcher(nil), *list...)
			for k := range own {
				if own[k].field == fPath {
					own[k].bit = len(s.pathMatchers)
					s.pathMatchers = append(s.pathMatchers, &own[k])
				}
			}
			*list = own
		}
		r.path = -1
		for k := range r.matchers {
			if m := &r.matchers[k]; m.field == fPath && !m.negate {
				r.path = m.bit
				break
			}
		}
	}
	s.pathless = make([]uint64, (len(s.rules)+63)/64)
	for i := range s.rules {
		if s.rules[i].path < 0 {
			s.pathless[i>>6] |= 1 << (i & 63)
		}
	}
}

// fit is what is known of a path, nil where the patterns must be tried: the
// first time that it comes, so that paths which never come again cost no more
// than the patterns that are reached.
func (s *Set) fit(path string, sc *scratch) *pathFit {
	if len(path) == 0 || len(path) > maxRemembered || len(s.pathMatchers) == 0 || len(s.pathMatchers) > maxPathMatches {
		return nil
	}
	m := s.paths.Load()
	if m == nil {
		m = &paths{seed: maphash.MakeSeed(), slots: make([]pathSlot, s.slots)}
		if !s.paths.CompareAndSwap(nil, m) {
			m = s.paths.Load()
		}
	}
	h := maphash.String(m.seed, path)
	slot := &m.slots[h%uint64(len(m.slots))]
	if f := slot.fit.Load(); f != nil && f.path == path {
		return f
	}
	if slot.last.Swap(h) != h {
		return nil
	}
	f := &pathFit{path: strings.Clone(path), bits: make([]uint64, (len(s.pathMatchers)+63)/64), rules: make([]uint64, len(s.pathless))}
	low := sc.lower(path)
	for i, x := range s.pathMatchers {
		if x.glob.MatchPath(low) {
			f.bits[i>>6] |= 1 << (i & 63)
		}
	}
	for i := range s.rules {
		if r := &s.rules[i]; r.path >= 0 && f.has(r.path) {
			f.rules[i>>6] |= 1 << (i & 63)
		}
	}
	slot.fit.Store(f)
	return f
}
