package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	kafka "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"errata/consumer/block"
	"errata/consumer/mark"
	"errata/consumer/meter"
	"errata/consumer/sink"
)

// partition moves one partition's records as long as a generation lives.
type partition struct {
	c       *Consumer
	gen     *kafka.Generation
	topic   string // With the prefix.
	id      int
	log     *slog.Logger
	metrics *meter.Partition
	win     *block.Windows
	sizes   sizes     // Of the windows from now on.
	beyond  time.Time // Since when the log ends before the committed offset.
	first   int64     // Where the log began when the position was read.
}

func (p *partition) kind() string { return strings.TrimPrefix(p.topic, p.c.cfg.TopicPrefix) }

// errAgain says that the partition must start again from its committed pair:
// rows were refused, and what was decided after them does not hold.
var errAgain = errors.New("start again from the committed offset")

// errGone says that the log has lost what is to be read next. What was read before
// is stored first.
var errGone = fmt.Errorf("%w: records are not in the log any more", errAgain)

// run returns when the generation ends, when the consumer drains, or when the
// partition belongs to another member.
func (p *partition) run(ctx context.Context) {
	defer p.metrics.Gone()
	for ctx.Err() == nil {
		err := p.live(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case errors.Is(err, errFenced):
			p.log.Info("partition is gone to another member", "cause", err)
			return
		case errors.Is(err, errAgain):
			p.log.Info("partition starts again", "cause", err)
			sleep(ctx, 50*time.Millisecond)
			continue
		}
		p.metrics.Failed()
		p.log.Warn("partition starts again", "cause", err)
		if p.c.draining() {
			return
		}
		sleep(ctx, time.Second)
	}
}

// live is the whole way in its one order: position, windows, then for each
// block announce, insert, commit. Reading the next block goes on meanwhile.
func (p *partition) live(ctx context.Context) error {
	pos, err := p.readPosition(ctx)
	if err != nil {
		return err
	}
	if err := p.retry(ctx, "load windows", func() error { return p.loadWindows(ctx, pos) }); err != nil {
		return err
	}
	if pos.Mark.End > 0 {
		if pos, err = p.finish(ctx, pos); err != nil {
			return err
		}
		if records, rows := p.win.Events.Limits(); (sizes{records, rows, p.win.Twins.Records()}) != p.sizes {
			return errAgain // The announced range was decided with other sizes.
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	ready, full := make(chan *block.Block), make(chan *block.Block)
	blocks := newHand(p.c)
	defer blocks.close()
	var gone error
	g.Go(func() error {
		defer close(ready)
		err := (&collector{p: p, next: pos.Offset, ready: ready, full: full, blocks: blocks}).run(ctx)
		if errors.Is(err, errGone) {
			gone = err
			return nil
		}
		return err
	})
	g.Go(func() error { return p.store(ctx, pos, ready, full, blocks) })
	if err := g.Wait(); err != nil {
		return err
	}
	return gone
}

// finish builds an announced range again, exactly as announced. Where the log has
// lost the beginning of it, what is left is built, and the rest counted as lost:
// a table that has the range knows its token and keeps what it has, and the ledger,
// which is the last one, then has counted all of it.
func (p *partition) finish(ctx context.Context, pos mark.Position) (mark.Position, error) {
	p.metrics.Replayed()
	b, err := p.c.blocks.get(p.c.types())
	if err != nil {
		return pos, err
	}
	from := p.begins(pos)
	b.Reset(from)
	b.Refuse(pos.Mark.Refused)
	if lost := from - pos.Offset; lost > 0 {
		p.log.Error("records of an announced range were deleted before it was known to be stored: raise the retention of the topic", "from", pos.Offset, "to", from, "end", pos.Mark.End)
		p.metrics.Gap(lost)
		b.Lose(p.topic, time.Now(), lost)
	}
	c := &collector{p: p, next: from}
	defer func() {
		p.c.memory.Give(b.Held)
		p.c.blocks.put(b)
	}()
	if err := c.exactly(ctx, b, pos.Mark.End); err != nil {
		return pos, err
	}
	if err := p.insert(ctx, pos, b, nil, nil); err != nil {
		return pos, err
	}
	next := pos.At(pos.Mark.End)
	return next, p.commit(ctx, next)
}

// store inserts blocks in order. Where the next one is ready its announcement
// is the same commit as the end of the last.
func (p *partition) store(ctx context.Context, pos mark.Position, ready, full <-chan *block.Block, blocks *hand) error {
	for b := range ready {
		p.metrics.Storing.Store(b.Oldest.UnixMilli())
		if err := p.commit(ctx, p.announce(pos, b.End)); err != nil {
			return err
		}
		var head *sent
		for b != nil {
			pos = p.announce(pos, b.End)
			after := pos.At(b.End)
			a := p.lookAhead(ctx, after, full)
			err := p.insert(ctx, pos, b, head, a)
			next, sent := a.take()
			if err != nil {
				sent.drop()
				return err
			}
			pos = after
			blocks.give(b)
			b, head = next, sent
			if b == nil {
				select {
				case b = <-ready:
				default:
				}
			}
			to := pos
			p.metrics.Storing.Store(0)
			if b != nil {
				p.metrics.Storing.Store(b.Oldest.UnixMilli())
				to = p.announce(pos, b.End)
			}
			if err := p.commit(ctx, to); err != nil {
				head.drop()
				return err
			}
		}
	}
	return ctx.Err()
}

// token names a range of records for ClickHouse.
func (p *partition) token(pos mark.Position) string {
	return fmt.Sprintf("%s-%d-%s-%d-%d", p.topic, p.id, pos.Mark.Log, pos.Offset, pos.Mark.End)
}

// retry does f until it succeeds, the generation ends, or the partition must
// be given up. Failures are told once in a while, not each time.
func (p *partition) retry(ctx context.Context, what string, f func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, 3*time.Second
	told := time.Time{}
	for {
		err := f()
		if err == nil || errors.Is(err, errFenced) || errors.Is(err, errAgain) || isRefusal(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.metrics.Failed()
		if time.Since(told) > 10*time.Second {
			p.log.Warn("cannot "+what+" now, trying on", "cause", sink.Told(err))
			told = time.Now()
		}
		sleep(ctx, wait.NextBackOff())
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
