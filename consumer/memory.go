package consumer

import "sync/atomic"

// memory counts the bytes held in blocks of all partitions. Beyond the limit
// every block counts as full: it is cut and stored, which gives its bytes back.
// A record that is read already is never refused, so the limit is passed by a
// few records a partition at most.
type memory struct {
	limit int64
	held  atomic.Int64
}

func (m *memory) take(n int) { m.held.Add(int64(n)) }
func (m *memory) give(n int) { m.held.Add(-int64(n)) }
func (m *memory) over() bool { return m.held.Load() >= m.limit }
