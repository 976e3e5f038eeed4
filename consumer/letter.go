package consumer

import (
	"context"
	"math"

	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/consumer/window"
	"errata/schema"
)

// letterRows is how many dead letters that were sent again a partition remembers,
// however many records ago that was. Ranges that are announced are decided by it:
// another number needs a place in the mark.
const letterRows = 100_000

// reasonReplayed is the reason of what a dead letter holds that was sent again
// before.
const reasonReplayed = "replayed"

func newLetterWindow() *window.Seen { return window.NewSeen(math.MaxInt64, letterRows) }

// loadLetters fills the window of letters with those before high.
func (p *partition) loadLetters(ctx context.Context, w *windows, high int64) error {
	return p.c.loadSeen(ctx, w.letters, p.id, high, func(ctx context.Context, r sink.Range, f func(int64, window.Key)) error {
		return p.c.sink.Letters(ctx, p.kind(), r, f)
	})
}

// revive notes that a letter was sent again. It is false for one that was
// before: whatever it holds has its fate since then, and is a duplicate.
func (b *block) revive(w *windows, o *table.Origin, letter uint64, receipts []*schema.Receipt) bool {
	k := window.NumberKey(0, letter)
	if w.letters.Has(k) {
		b.stats.duplicates++
		for _, x := range receipts {
			b.count(o, x.Category, schema.OutcomeAccepted, "", 0, x.Quantity, x.Bytes)
			b.count(o, x.Category, schema.OutcomeDuplicate, reasonReplayed, 0, x.Quantity, x.Bytes)
		}
		return false
	}
	w.letters.Add(o.Offset, k)
	b.set.Replayed(o, w.topic, letter)
	return true
}
