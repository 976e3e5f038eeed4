package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"errata/consumer/block"
	"errata/consumer/mark"
	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/schema/tables/insert"
)

// refusal is ClickHouse refusing rows of a table for what is in them.
type refusal struct {
	table  *table.Table
	reason string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("ClickHouse refuses rows of %s: %s", r.table.Table, r.reason)
}

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// insert puts a block into the tables: dead letters first, then one INSERT a
// table, each tried until it succeeds. Its ledger goes last: where the ledger
// has a block, all of it is in. Of head, where one is given, the end is sent
// instead of the whole table; next is told of the first failure.
func (p *partition) insert(ctx context.Context, pos mark.Position, b *block.Block, head *sent, next *ahead) error {
	defer func() { head.drop() }()
	if len(b.Dead) > 0 {
		if err := p.retry(ctx, "write dead letters", func() error { return p.c.letters.Write(ctx, p.topic, p.id, b.Dead) }); err != nil {
			return err
		}
	}
	b.Seal()
	started := time.Now()
	written := false // Whether a table took its rows: then the range cannot be cut any more.
	for _, t := range b.Set.Tables() {
		if t.Rows() == 0 {
			continue
		}
		err := p.retry(ctx, "insert", func() error {
			var err error
			if head != nil && head.table == t {
				err, head = head.Commit(), nil
			} else {
				err = p.c.sink.Insert(ctx, t, p.token(pos)+"/"+t.Table)
			}
			if err != nil {
				next.giveUp()
			}
			if reason, refused := sink.Refused(err); refused && b.Origin(t.Table) != nil {
				return &refusal{t, reason}
			}
			return err
		})
		if r, ok := errors.AsType[*refusal](err); ok {
			if err = p.sortOut(ctx, pos, b, r, written); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		written = true
	}
	p.metrics.Stored(b, time.Since(started))
	return nil
}

// sortOut finds the rows that ClickHouse refuses and announces the range again
// without them. Searching writes nothing: rows are tried on a table of the same
// columns and constraints that keeps none. What does not fail there is refused
// by a view; then nothing can be cut out safely, and the insert is tried until
// an operator has mended the view.
func (p *partition) sortOut(ctx context.Context, pos mark.Position, b *block.Block, r *refusal, written bool) error {
	p.log.Error("ClickHouse refuses rows, looking for them", "table", r.table.Table, "reason", r.reason, "from", pos.Offset, "to", pos.Mark.End)
	var bad []int
	err := p.retry(ctx, "probe rows", func() error {
		probe, err := p.c.sink.Probe(ctx, r.table.Table, fmt.Sprintf("%s_%d", p.topic, p.id))
		if err == nil {
			bad, err = probe.Search(ctx, r.table)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(bad) == 0 {
		p.metrics.Blocked()
		return p.retry(ctx, "insert into a table with a view that throws", func() error {
			return p.c.sink.Insert(ctx, r.table, p.token(pos)+"/"+r.table.Table)
		})
	}
	ids := make([]mark.RowID, len(bad))
	for n, i := range bad {
		ids[n] = b.Origin(r.table.Table)[i]
	}
	next, ok := mark.SetAside(pos, ids, written)
	if !ok {
		return fmt.Errorf("cannot set aside %d refused rows of %s at once: mend what refuses them: %s", len(bad), r.table.Table, r.reason)
	}
	if err := p.commit(ctx, next); err != nil {
		return err
	}
	return fmt.Errorf("%w: %d rows of %s are refused", errAgain, len(bad), r.table.Table)
}

// writeGap notes records that the topic lost before they were read.
func (p *partition) writeGap(ctx context.Context, pos mark.Position, first, lost int64) error {
	b, err := block.New(p.c.types())
	if err != nil {
		return err
	}
	b.Lose(p.topic, time.Now(), lost)
	b.Seal()
	token := fmt.Sprintf("%s-%d-%s-gap-%d-%d", p.topic, p.id, pos.Mark.Log, pos.Offset, first)
	t := b.Set.Table(insert.Outcomes)
	return p.retry(ctx, "insert", func() error { return p.c.sink.Insert(ctx, t, token) })
}
