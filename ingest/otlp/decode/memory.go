package decode

import "sync"

// Memory is what the attributes of a request's spans or log records are decoded
// into. It is used again: with many small requests it is an eighth of what each
// of them allocates.
type Memory struct{ list []entry }

var memories = sync.Pool{New: func() any { return new(Memory) }}

// mostKept keeps the memory of rare large requests out of the pool.
const mostKept = 1024

// Borrow returns memory for one request.
func Borrow() *Memory { return memories.Get().(*Memory) }

// Release ends the use of all messages that were decoded into m.
func (m *Memory) Release() {
	if cap(m.list) > mostKept {
		return
	}
	clear(m.list) // The pool must not keep bodies alive.
	m.list = m.list[:0]
	memories.Put(m)
}

// entries returns n empty ones.
func (m *Memory) entries(n int) []entry {
	if m == nil {
		return make([]entry, n)
	}
	at := len(m.list)
	if cap(m.list)-at < n {
		m.list, at = make([]entry, 0, max(64, n, 2*cap(m.list))), 0 // Those before stay with their messages.
	}
	m.list = m.list[:at+n]
	return m.list[at : at+n : at+n]
}
