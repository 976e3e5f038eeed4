package consumer

import (
	"context"
	"slices"

	"errata/consumer/block"
	"errata/consumer/sink"
	"errata/consumer/window"
)

// loadSeen fills a window of ids with the stored rows before high.
func (c *Consumer) loadSeen(ctx context.Context, w *window.Seen, partition int, high int64,
	read func(context.Context, sink.Range, func(int64, window.Key)) error) error {
	return load(ctx, w, partition, high, read, w.Add)
}

// loadSessions fills a window of updates of sessions with those before high.
func (c *Consumer) loadSessions(ctx context.Context, w *window.Seen, partition int, high int64) error {
	return load(ctx, w, partition, high, c.sink.Sessions, func(offset int64, u window.Update) { w.AddUpdate(offset, &u) })
}

// load reads the stored rows of a window, newest first, and adds them oldest first.
func load[T any](ctx context.Context, w *window.Seen, partition int, high int64,
	read func(context.Context, sink.Range, func(int64, T)) error, add func(int64, T)) error {
	records, rows := w.Limits()
	if records <= 0 || high <= 0 {
		return nil
	}
	type entry struct {
		offset int64
		row    T
	}
	var newestFirst []entry
	err := read(ctx, sink.Range{Partition: partition, Low: high - records, High: high, Rows: rows}, func(offset int64, row T) {
		newestFirst = append(newestFirst, entry{offset, row})
	})
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(newestFirst) {
		add(e.offset, e.row)
	}
	return nil
}

// loadEvents fills the windows of event ids and of twins, which differ in size.
func (c *Consumer) loadEvents(ctx context.Context, w *block.Windows, partition int, high int64) error {
	if err := c.loadSeen(ctx, w.Events, partition, high, c.sink.EventIDs); err != nil {
		return err
	}
	twins := w.Twins.Records()
	if twins <= 0 || high <= 0 {
		return nil
	}
	var newestFirst []*window.Witness
	// A record holds one event at most, so the window's size bounds the rows.
	err := c.sink.Witnesses(ctx, sink.Range{Partition: partition, Low: high - twins, High: high, Rows: int(twins)}, func(x *window.Witness) {
		newestFirst = append(newestFirst, x)
	})
	if err != nil {
		return err
	}
	for _, x := range slices.Backward(newestFirst) {
		w.Twins.Add(x)
	}
	return nil
}

// loadLetters fills the window of letters with those before high.
func (p *partition) loadLetters(ctx context.Context, w *block.Windows, high int64) error {
	return p.c.loadSeen(ctx, w.Letters, p.id, high, func(ctx context.Context, r sink.Range, f func(int64, window.Key)) error {
		return p.c.sink.Letters(ctx, p.kind(), r, f)
	})
}
