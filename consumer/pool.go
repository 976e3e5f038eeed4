package consumer

import (
	"sync"

	"errata/consumer/block"
	"errata/consumer/table"
)

// pool keeps blocks between two uses, for all partitions: a block keeps the memory
// of the largest one that it ever was, so there should be as many of them as
// are at work at once, not two a partition.
type pool struct {
	mu   sync.Mutex
	idle []*block.Block // The one used last is the next.
}

// idleBlocks is how many blocks wait for their next use at most.
const idleBlocks = 3

func (p *pool) get(types table.Types) (*block.Block, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		b := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		return b, nil
	}
	return block.New(types)
}

func (p *pool) put(b *block.Block) {
	b.Reset(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < idleBlocks {
		p.idle = append(p.idle, b)
	}
}

// hand is what a partition has of the pool: two blocks at most, one that
// gathers and one that is stored.
type hand struct {
	c     *Consumer
	slots chan struct{}
	mu    sync.Mutex
	out   map[*block.Block]bool
}

func newHand(c *Consumer) *hand {
	return &hand{c: c, slots: make(chan struct{}, 2), out: map[*block.Block]bool{}}
}

// take is called by who holds a slot.
func (h *hand) take(first int64) (*block.Block, error) {
	b, err := h.c.blocks.get(h.c.types())
	if err != nil {
		return nil, err
	}
	b.Reset(first)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out[b] = true
	return b, nil
}

// give takes a block back, and what it held, with its slot.
func (h *hand) give(b *block.Block) {
	h.mu.Lock()
	delete(h.out, b)
	h.mu.Unlock()
	h.c.memory.Give(b.Held)
	h.c.blocks.put(b)
	<-h.slots
}

// close takes back what is out, after an error too.
func (h *hand) close() {
	for b := range h.out {
		h.give(b)
	}
}
