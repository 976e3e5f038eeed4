package fetch

import "sync"

// mostKept keeps the memory of rare large answers and batches out of the pool.
const mostKept = 4 << 20

// memory holds answers and unpacked batches for all partitions: one that waits for
// records has none of it.
var memory buffers

type buffers struct{ pool sync.Pool }

func (m *buffers) take() *[]byte {
	if b, ok := m.pool.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (m *buffers) give(b *[]byte) {
	if b == nil || cap(*b) > mostKept {
		return
	}
	*b = (*b)[:0]
	m.pool.Put(b)
}
