package consumer

import "context"

// turnBytes is what one turn takes of the memory of blocks: two of BatchRows
// usual events, one that gathers and one that is stored.
const turnBytes = 112 << 20

// turn is who gathers from a backlog: one partition of the process at a time,
// more only where blocks may hold more than they do by default. The
// blocks that wait and those that are stored share one memory. Were it shared
// by all partitions that are behind, each had a small block in it, and a block
// costs ClickHouse the planning of all views, however small it is. So one
// partition fills a block as large as if it were alone, hands it over, and the
// next one gathers while it is stored. Partitions that keep up gather little and
// need no turn.
type turn chan struct{}

func newTurn(memory int) turn { return make(turn, max(1, memory/turnBytes)) }

// take waits for the turn; who waits longest gets it first. It is false where
// the consumer drains or ctx ends before.
func (t turn) take(ctx context.Context, drain <-chan struct{}) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-drain:
	case <-ctx.Done():
	}
	return false
}

func (t turn) give() { <-t }

// behind is how many records before the end of the log a partition must be for
// its blocks to be those of a backlog: an eighth of a block.
func (c *Config) behind() int64 { return int64(c.BatchRows+7) / 8 }
