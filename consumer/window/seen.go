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

// SpanKey is the key of a span.
func SpanKey(project uint32, trace, span string) Key {
	return Key{Project: project, A: xxhash.Sum64String(trace), B: xxhash.Sum64String(span)}
}

// SessionKey is the key of one update of a session.
func SessionKey(project uint32, id Key, seq uint64, millis int64, status uint8) Key {
	mix := id.B ^ seq*0x9e3779b97f4a7c15 ^ uint64(millis)*0xc2b2ae3d27d4eb4f ^ uint64(status)*0x165667b19e3779f9
	return Key{Project: project, A: id.A, B: mix}
}

// Seen holds the keys of the newest stored rows of one kind. The window at an
// offset is: the rows whose record is at most Records before it and, of these,
// the newest whole records that together have at least Rows rows.
type Seen struct {
	records int64
	rows    int
	at      map[Key]int64 // Offset of the record that stored it.
	queue   queue[seenRow]
	counts  queue[recordRows]
}

type seenRow struct {
	offset int64
	key    Key
}

type recordRows struct {
	offset int64
	rows   int
}

// NewSeen returns an empty window over at most so many records and about so
// many rows; 0 records mean off.
func NewSeen(records int64, rows int) *Seen {
	return &Seen{records: records, rows: rows, at: map[Key]int64{}}
}

// Limits are the window's size in records and rows.
func (s *Seen) Limits() (records int64, rows int) { return s.records, s.rows }

// Advance moves the window to the record at offset. It is called once before
// the rows of each record.
func (s *Seen) Advance(offset int64) {
	for !s.counts.empty() {
		old := s.counts.front()
		if old.offset >= offset-s.records && s.queue.len()-old.rows < s.rows {
			return
		}
		for range old.rows {
			r := s.queue.pop()
			if s.at[r.key] == r.offset {
				delete(s.at, r.key)
			}
		}
		s.counts.pop()
	}
}

// Has says whether a row with this key is in the window.
func (s *Seen) Has(k Key) bool {
	_, ok := s.at[k]
	return ok
}

// Add remembers a stored row of the record at offset.
func (s *Seen) Add(offset int64, k Key) {
	if s.records <= 0 {
		return
	}
	s.at[k] = offset
	s.queue.push(seenRow{offset, k})
	if s.counts.empty() || s.counts.back().offset != offset {
		s.counts.push(recordRows{offset: offset})
	}
	s.counts.back().rows++
}

// Len is the number of rows remembered.
func (s *Seen) Len() int { return s.queue.len() }

// queue is a ring that grows.
type queue[T any] struct {
	ring  []T
	first int
	n     int
}

func (q *queue[T]) len() int    { return q.n }
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
