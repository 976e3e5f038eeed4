// Package gather is what the partitions of one process share while they gather
// blocks: memory, the turn of who reads a backlog, and the pace by which a block
// gets old. In: bytes, rows and times. Out: whether and how long to gather on. It
// knows no record and no server.
package gather

import "sync/atomic"

// Memory counts the bytes held in blocks of all partitions. Beyond the limit
// every block counts as full: it is cut and stored, which gives its bytes back.
// A record that is read already is never refused, so the limit is passed by a
// few records a partition at most.
type Memory struct {
	limit int64
	held  atomic.Int64
}

// NewMemory returns one with nothing in it.
func NewMemory(limit int) *Memory { return &Memory{limit: int64(limit)} }

// Take notes that a block holds n bytes more.
func (m *Memory) Take(n int) { m.held.Add(int64(n)) }

// Give notes that n bytes are free again.
func (m *Memory) Give(n int) { m.held.Add(-int64(n)) }

// Over says that every block is full.
func (m *Memory) Over() bool { return m.held.Load() >= m.limit }
