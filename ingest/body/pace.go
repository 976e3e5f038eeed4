package body

import (
	"sync"
	"time"
)

// pace spreads large bodies over time: all of them together are read at
// largeRate, so that the reading takes a part of the cores and not all.
type pace struct {
	mu   sync.Mutex
	next time.Time // When what was read so far is paid for.
}

const (
	largeBody   = 1 << 20
	largeRate   = 256 << 20 // Bytes a second.
	slowestRate = 2 << 20   // The same, of what a large body has time for.
)

// wait waits until n more bytes may have been read.
func (p *pace) wait(n int) {
	now := time.Now()
	p.mu.Lock()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(n) * time.Second / largeRate)
	rest := p.next.Sub(now)
	p.mu.Unlock()
	if rest > time.Millisecond { // A shorter sleep takes as long.
		time.Sleep(rest)
	}
}
