package consumer

import (
	"context"
	"sync"

	"errata/consumer/block"
	"errata/consumer/mark"
	"errata/consumer/sink"
	"errata/consumer/table"
)

// ahead takes the next full block while one is being stored and sends the most of
// it: its largest table, but for the end. So ClickHouse reads it while it writes the
// one before. What is stored, and when, is as without: the end is sent where the
// insert would begin, after the range was announced.
type ahead struct {
	p    *partition
	ctx  context.Context //nolint:containedctx // That of one insert, which the methods are called within.
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	b      *block.Block
	sent   *sent
	gaveUp bool // The insert has trouble, which this one must not add to.
}

// sent is a table of a block that ClickHouse has, but for the end.
type sent struct {
	table *table.Table
	*sink.Ahead
}

// drop is for a block that is not stored this time.
func (s *sent) drop() {
	if s != nil {
		s.Drop()
	}
}

// lookAhead waits for a full block, which follows pos.
func (p *partition) lookAhead(ctx context.Context, pos mark.Position, full <-chan *block.Block) *ahead {
	a := &ahead{p: p, ctx: ctx, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		select {
		case b := <-full:
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.b = b; !a.gaveUp {
				a.sent = p.send(ctx, p.announce(pos, b.End), b)
			}
		case <-a.stop:
		case <-ctx.Done():
		}
	}()
	return a
}

// send sends the largest table of b ahead; it returns none where all are empty.
func (p *partition) send(ctx context.Context, pos mark.Position, b *block.Block) *sent {
	var largest *table.Table
	for _, t := range b.Set.Tables() {
		if t.Rows() > 0 && (largest == nil || t.Size() > largest.Size()) {
			largest = t
		}
	}
	if largest == nil {
		return nil
	}
	p.metrics.Ahead()
	return &sent{largest, p.c.sink.Send(ctx, largest, p.token(pos)+"/"+largest.Table)}
}

// giveUp lets ClickHouse forget what was sent: where it fails, it may be for
// memory.
func (a *ahead) giveUp() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent.drop()
	a.sent, a.gaveUp = nil, true
}

// take ends the wait: the block that came, if one did, and what is sent of it.
func (a *ahead) take() (*block.Block, *sent) {
	close(a.stop)
	<-a.done
	return a.b, a.sent
}
