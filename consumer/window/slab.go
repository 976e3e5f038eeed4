package window

// slab holds values at places that stay theirs until they are dropped; 0 is no
// place. A pointer to a value is good until the next add.
type slab[T any] struct {
	all  []T
	free []uint32
}

func (s *slab[T]) len() int       { return max(0, len(s.all)-1) - len(s.free) }
func (s *slab[T]) at(i uint32) *T { return &s.all[i] }
func (s *slab[T]) drop(i uint32)  { s.free = append(s.free, i) }

func (s *slab[T]) add(v T) uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.all[i] = v
		return i
	}
	if len(s.all) == 0 {
		s.all = append(s.all, v) // The place that is none.
	}
	s.all = append(s.all, v)
	return uint32(len(s.all) - 1)
}

// frames is the stacks of all witnesses of a window one after the other, the
// oldest at first: a ring whose places count on and turn over at 2^32.
type frames struct {
	ring        []uint32 // Its length is a power of two.
	first, next uint32
}

func (f *frames) end() uint32        { return f.next }
func (f *frames) at(i uint32) uint32 { return f.ring[int(i)&(len(f.ring)-1)] }
func (f *frames) pop(n uint32)       { f.first += n }

func (f *frames) push(s stack) {
	used := int(f.next - f.first)
	if need := used + len(s); need > len(f.ring) {
		size := max(256, 2*len(f.ring))
		for size < need {
			size *= 2
		}
		grown := make([]uint32, size)
		for i := f.first; i != f.next; i++ {
			grown[int(i)&(size-1)] = f.at(i)
		}
		f.ring = grown
	}
	for _, h := range s {
		f.ring[int(f.next)&(len(f.ring)-1)] = h
		f.next++
	}
}
