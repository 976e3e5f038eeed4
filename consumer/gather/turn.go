package gather

import "context"

// turnBytes is what one turn takes of the memory of blocks: two of BatchRows
// usual events, one that gathers and one that is stored.
const turnBytes = 112 << 20

// Turn is who gathers from a backlog: one partition of the process at a time,
// more only where blocks may hold more than they do by default. The
// blocks that wait and those that are stored share one memory. Were it shared
// by all partitions that are behind, each had a small block in it, and a block
// costs ClickHouse the planning of all views, however small it is. So one
// partition fills a block as large as if it were alone, hands it over, and the
// next one gathers while it is stored. Partitions that keep up gather little and
// need no turn.
type Turn chan struct{}

// NewTurn returns as many turns as the memory of blocks has room for.
func NewTurn(memory int) Turn { return make(Turn, max(1, memory/turnBytes)) }

// Take waits for the turn; who waits longest gets it first. It is false where
// the consumer drains or ctx ends before.
func (t Turn) Take(ctx context.Context, drain <-chan struct{}) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-drain:
	case <-ctx.Done():
	}
	return false
}

// Give lets the next one have it.
func (t Turn) Give() { <-t }
