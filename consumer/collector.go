package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"errata/consumer/block"
	"errata/consumer/column"
	"errata/consumer/fetch"
	"errata/consumer/gather"
	"errata/consumer/letter"
)

// Sizes of fetches. A partition holds one as it came while its records are read,
// and one batch of it unpacked.
const (
	fetchBytes  = 1 << 20
	gatherBytes = 512 << 10 // What a fetch waits for while a block gathers.
)

// collector reads a partition in order and cuts it into blocks. It fetches
// nothing while a full block waits to be stored: ClickHouse away means that
// the lag grows on the broker and nothing else grows.
type collector struct {
	p       *partition
	next    int64          // Offset to read.
	records *fetch.Records // Of the last fetch; nil once all are read.
	record  fetch.Record   // The one read last.
	pack    column.Pack    // What it lies in, where that is kept.
	peeked  block.Message  // Read for the next block, where waits is set.
	waits   bool
	ready   chan<- *block.Block
	full    chan<- *block.Block // As ready, for blocks that cannot grow: they are taken early.
	blocks  *hand
	rate    float64 // Rows a second, smoothed over blocks.
	cut     time.Time
	end     int64 // Of the log, as the last fetch told it.
	mine    bool  // Whether this partition has the turn.
	backlog bool  // Whether the block's records had waited in the log.
	large   bool  // Whether the last block was cut for its size.
}

// run hands over blocks until the consumer drains or ctx ends.
func (c *collector) run(ctx context.Context) error {
	defer func() {
		c.giveTurn()
		c.p.c.pace.Change(c.p.topic, -c.rate)
	}()
	var b *block.Block
	for {
		if b == nil {
			var err error
			if b, err = c.begin(ctx); b == nil {
				return err
			}
		}
		if err := c.drainFetch(b, -1); err != nil {
			return err
		}
		rows := b.Set.Rows() // What is handed over is not looked at any more.
		switch {
		case b.Records > 0 && c.isFull(b):
			c.giveTurn() // The next one gathers, also while this block waits for the one before.
			select {
			case c.ready <- b:
			case c.full <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
			c.handed(rows)
			b, c.large = nil, true
			continue
		case b.Records > 0 && (time.Since(b.Started) >= c.age(b) || c.p.c.draining()):
			select {
			case c.ready <- b:
				c.giveTurn()
				c.handed(rows)
				b, c.large = nil, false
				continue
			case <-ctx.Done():
				return ctx.Err()
			default:
				if c.p.c.draining() {
					sleep(ctx, 5*time.Millisecond)
					continue
				}
			}
		}
		if c.next >= c.end {
			c.giveTurn()
		}
		if err := c.fetch(ctx, b); err != nil {
			if errors.Is(err, errGone) && b.Records > 0 { // It was read: it is stored, whatever the log has lost after it.
				select {
				case c.ready <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return err
		}
	}
}

// exactly fills b with the records before end, all of them.
func (c *collector) exactly(ctx context.Context, b *block.Block, end int64) error {
	for c.next < end {
		if err := c.fetch(ctx, nil); err != nil {
			return err
		}
		if err := c.drainFetch(b, end); err != nil {
			return err
		}
	}
	b.End = end
	return nil
}

// begin takes a block once there is a record for it, room for more, and the
// turn where one is needed. It returns none when the consumer drains.
func (c *collector) begin(ctx context.Context) (*block.Block, error) {
	first := c.next
	for {
		if c.records == nil {
			if c.p.c.draining() {
				return nil, nil
			}
			if c.next >= c.end {
				c.giveTurn()
			}
			if err := c.fetch(ctx, nil); err != nil {
				return nil, err
			}
		}
		m, ok, err := c.read()
		if err != nil {
			return nil, err
		}
		if ok {
			c.peeked, c.waits = m, true
			break
		}
	}
	select { // Before the turn: who has it waits for nothing but memory.
	case c.blocks.slots <- struct{}{}:
	case <-c.p.c.drain:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	left, behind := c.end-c.next, c.p.c.cfg.behind()
	c.backlog = left >= behind || c.large && left >= behind/8
	if !c.mine && left >= behind {
		c.mine = c.p.c.turn.Take(ctx, c.p.c.drain)
	}
	for c.p.c.memory.Over() && ctx.Err() == nil && !c.p.c.draining() { // A record alone would be a block.
		sleep(ctx, 5*time.Millisecond)
	}
	if ctx.Err() != nil || c.p.c.draining() {
		<-c.blocks.slots
		return nil, ctx.Err()
	}
	b, err := c.blocks.take(first)
	if err != nil {
		<-c.blocks.slots
	}
	return b, err
}

func (c *collector) giveTurn() {
	if c.mine {
		c.mine = false
		c.p.c.turn.Give()
	}
}

func (c *collector) isFull(b *block.Block) bool {
	cfg := &c.p.c.cfg
	return b.Records >= cfg.BatchRows || b.Set.Rows() >= cfg.BatchRows || b.Bytes >= cfg.BatchBytes || b.Held >= cfg.MemoryBytes/2 || c.p.c.memory.Over()
}

// handed notes the pace: how old the next block may get depends on it.
func (c *collector) handed(rows int) {
	c.p.metrics.Gathering.Store(0)
	now := time.Now()
	if !c.cut.IsZero() {
		if d := now.Sub(c.cut).Seconds(); d > 0 {
			by := 0.4 * (float64(rows)/d - c.rate)
			c.rate += by
			c.p.c.pace.Change(c.p.topic, by)
		}
	}
	c.cut = now
}

// age is how old b may get. What is left of a backlog does not wait for company.
func (c *collector) age(b *block.Block) time.Duration {
	if c.backlog && c.next >= c.end {
		return c.p.c.cfg.MinAge
	}
	return c.p.c.ages.Age(gather.Current(c.p.c.pace.Of(c.p.topic), c.rate, b.Set.Rows(), time.Since(b.Started)))
}

// yieldEvery is after how many records others get their turn: in one process with
// the edge a whole fetch, ten milliseconds on one of few cores, is what
// requests would wait for.
const yieldEvery = 16

// drainFetch adds fetched records to b until it is full, end is reached or
// none is left.
func (c *collector) drainFetch(b *block.Block, end int64) error {
	for c.records != nil && (end >= 0 || !c.isFull(b) || b.Records == 0) && (end < 0 || c.next < end) {
		m, ok, err := c.peeked, c.waits, error(nil)
		if !ok {
			m, ok, err = c.read()
		}
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if end >= 0 && m.Offset >= end { // The last records of the range are not in the log any more.
			return nil
		}
		c.waits = false
		if b.Records%yieldEvery == 0 {
			runtime.Gosched()
		}
		before := b.Held
		if b.Records == 0 {
			c.p.metrics.Gathering.Store(m.At.UnixMilli())
		}
		b.Add(c.p.win, c.p.id, m)
		c.p.c.memory.Take(b.Held - before)
	}
	return nil
}

// read returns the next fetched record; its value is valid until the next
// call.
func (c *collector) read() (block.Message, bool, error) {
	switch err := c.records.Next(&c.record); {
	case err == nil:
	case errors.Is(err, io.EOF):
		c.next = c.records.Offset()
		c.records = nil
		return block.Message{}, false, nil
	default:
		return block.Message{}, false, fmt.Errorf("cannot read records of %s/%d: %w", c.p.topic, c.p.id, err)
	}
	r := &c.record
	c.next = r.Offset + 1
	return block.Message{Offset: r.Offset, At: time.UnixMilli(r.Millis), Letter: letter.Of(r.Headers), Value: r.Value, Pack: c.keep()}, true, nil
}

// Batches that blocks keep as they came are of several records and packed well: of
// others, packing columns by ourselves holds less.
const (
	keptRecords = 8
	keptRatio   = 3
)

// keep returns the batch at hand where blocks should keep it.
func (c *collector) keep() *column.Pack {
	p := c.records.Pack()
	if p == nil || p.Records < keptRecords || len(p.Packed)*keptRatio > len(p.Plain) {
		return nil
	}
	if c.pack.Number != p.Number {
		c.pack = column.Pack{Number: p.Number, Packed: p.Packed, Plain: p.Plain, Unpack: p.Unpack}
	}
	return &c.pack
}

// fetch asks the broker for more. While b gathers it waits for much or for b's
// age; else it returns with the first record.
func (c *collector) fetch(ctx context.Context, b *block.Block) error {
	req := fetch.Request{Topic: c.p.topic, Partition: c.p.id, Offset: c.next, MinBytes: 1, MaxBytes: fetchBytes, MaxWait: 500 * time.Millisecond}
	if b != nil && b.Records > 0 {
		req.MinBytes = gatherBytes
		left := c.age(b) - time.Since(b.Started)
		req.MaxWait = max(10*time.Millisecond, min(left, 500*time.Millisecond))
		if left <= 0 { // The last block is still being stored.
			req.MaxWait = 50 * time.Millisecond
		}
	}
	records, end, err := c.p.c.fetches.Fetch(ctx, req)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, kafka.OffsetOutOfRange):
		return fmt.Errorf("%w: offset %d of %s/%d", errGone, c.next, c.p.topic, c.p.id)
	default:
		return fmt.Errorf("cannot fetch %s/%d: %w", c.p.topic, c.p.id, err)
	}
	c.p.metrics.End(end)
	c.end, c.records = end, records
	return nil
}
