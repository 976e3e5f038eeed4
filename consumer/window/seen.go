// Package window remembers the newest stored rows of one partition and decides
// by them which records repeat one (duplicates) and which witness an
// occurrence that counts already (twins). In: rows in the order of their
// offsets. Out: decisions. A decision is a function of the stored rows before
// it and of nothing else, no clock and no chance: a window that is rebuilt
// from the tables decides the same. It never reads a topic or a table.
package window

import "github.com/cespare/xxhash/v2"

// Key identifies an item within a project.
type Key struct {
	Project uint32
	A, B    uint64
}

// IDKey is the key of an item with an id of 16 bytes; ok is false for others.
func IDKey(project uint32, id []byte) (k Key, ok bool) {
	if len(id) != 16 {
		return Key{}, false
	}
	k.Project = project
	for i := range 8 {
		k.A = k.A<<8 | uint64(id[i])
		k.B = k.B<<8 | uint64(id[8+i])
	}
	return k, k.A|k.B != 0
}

// NumberKey is the key of an item whose id is a number.
func NumberKey(project uint32, id uint64) Key { return Key{Project: project, A: id} }

// SpanKey is the key of a span.
func SpanKey(project uint32, trace, span string) Key {
	return Key{Project: project, A: xxhash.Sum64String(trace), B: xxhash.Sum64String(span)}
}

// Seen holds the keys of the newest stored rows of one kind. The window at an
// offset is: the rows whose record is at most Records before it and, of these,
// the newest whole records that together have at least Rows rows. It takes
// about 50 bytes a row.
type Seen struct {
	records int64
	rows    int
	ring    []seenRow // Oldest at first; its length is a power of two.
	first   int
	n       int
	counted int      // Of the n those that are rows, not what is noted beside them.
	index   []uint32 // Open addressing: a place in ring plus one, 0 where free. Twice as long as ring.
	counts  queue[recordRows]
}

type seenRow struct {
	offset int64
	key    Key
}

type recordRows struct {
	offset int64
	rows   int32
	beside int32 // Keys that are noted beside the rows.
}

// NewSeen returns an empty window over at most so many records and about so
// many rows; 0 records mean off.
func NewSeen(records int64, rows int) *Seen { return &Seen{records: records, rows: rows} }

// Limits are the window's size in records and rows.
func (s *Seen) Limits() (records int64, rows int) { return s.records, s.rows }

// Len is the number of rows remembered.
func (s *Seen) Len() int { return s.counted }

// Advance moves the window to the record at offset. It is called once before
// the rows of each record.
func (s *Seen) Advance(offset int64) {
	for !s.counts.empty() {
		old := s.counts.front()
		if old.offset >= offset-s.records && s.counted-int(old.rows) < s.rows {
			return
		}
		for range old.rows + old.beside {
			s.forget()
		}
		s.counted -= int(old.rows)
		s.counts.pop()
	}
}

// Has says whether a row with this key is in the window.
func (s *Seen) Has(k Key) bool {
	if s.n == 0 {
		return false
	}
	_, ok := s.find(k)
	return ok
}

// Add remembers a stored row of the record at offset.
func (s *Seen) Add(offset int64, k Key) {
	if r := s.remember(offset, k); r != nil {
		r.rows++
		s.counted++
	}
}

// Note remembers what a stored row says beside its own key, for as long as the row.
func (s *Seen) Note(offset int64, k Key) {
	if r := s.remember(offset, k); r != nil {
		r.beside++
	}
}

func (s *Seen) remember(offset int64, k Key) *recordRows {
	if s.records <= 0 {
		return nil
	}
	if s.n == len(s.ring) {
		s.grow()
	}
	at := (s.first + s.n) & (len(s.ring) - 1)
	s.ring[at] = seenRow{offset, k}
	s.n++
	slot, _ := s.find(k) // A key that comes again is that of its newest row.
	s.index[slot] = uint32(at) + 1
	if s.counts.empty() || s.counts.back().offset != offset {
		s.counts.push(recordRows{offset: offset})
	}
	return s.counts.back()
}

func (k Key) hash() uint64 {
	h := (k.A ^ uint64(k.Project)<<32) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32 ^ k.B) * 0xc2b2ae3d27d4eb4f
	return h ^ h>>29
}

// find returns the slot of k, or the free one where it belongs.
func (s *Seen) find(k Key) (slot int, ok bool) {
	mask := len(s.index) - 1
	for slot = int(k.hash()) & mask; ; slot = (slot + 1) & mask {
		at := s.index[slot]
		if at == 0 {
			return slot, false
		}
		if s.ring[at-1].key == k {
			return slot, true
		}
	}
}

// forget drops the oldest row.
func (s *Seen) forget() {
	at := s.first
	if slot, ok := s.find(s.ring[at].key); ok && int(s.index[slot]) == at+1 {
		s.free(slot)
	}
	s.first = (s.first + 1) & (len(s.ring) - 1)
	s.n--
}

// free empties a slot and moves up what was probed past it.
func (s *Seen) free(slot int) {
	mask := len(s.index) - 1
	for next := (slot + 1) & mask; s.index[next] != 0; next = (next + 1) & mask {
		home := int(s.ring[s.index[next]-1].key.hash()) & mask
		if (next-home)&mask >= (next-slot)&mask {
			s.index[slot] = s.index[next]
			slot = next
		}
	}
	s.index[slot] = 0
}

func (s *Seen) grow() {
	ring := make([]seenRow, max(64, 2*len(s.ring)))
	for i := range s.n {
		ring[i] = s.ring[(s.first+i)&(len(s.ring)-1)]
	}
	s.ring, s.first, s.index = ring, 0, make([]uint32, 2*len(ring))
	for i := range s.n {
		slot, _ := s.find(ring[i].key)
		s.index[slot] = uint32(i) + 1
	}
}

// queue is a ring that grows.
type queue[T any] struct {
	ring  []T
	first int
	n     int
}

func (q *queue[T]) empty() bool { return q.n == 0 }
func (q *queue[T]) front() *T   { return &q.ring[q.first] }
func (q *queue[T]) back() *T    { return &q.ring[(q.first+q.n-1)%len(q.ring)] }

func (q *queue[T]) push(v T) {
	if q.n == len(q.ring) {
		grown := make([]T, max(64, 2*q.n))
		k := copy(grown, q.ring[q.first:])
		copy(grown[k:], q.ring[:q.first])
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.n)%len(q.ring)] = v
	q.n++
}

func (q *queue[T]) pop() T {
	var zero T
	v := q.ring[q.first]
	q.ring[q.first] = zero
	q.first = (q.first + 1) % len(q.ring)
	q.n--
	return v
}
