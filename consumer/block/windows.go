package block

import (
	"math"

	"errata/consumer/table"
	"errata/consumer/window"
	"errata/schema"
)

// Windows are what a partition decides by.
type Windows struct {
	Events, Spans, Logs, Sessions, Metrics *window.Seen
	Letters                                *window.Seen // Dead letters that were sent again.
	Topic                                  string       // Of the partition, without the prefix.
	Twins                                  *window.Twins
}

// NewWindows makes empty windows of these sizes for a partition of a topic, which
// is named without the prefix.
func NewWindows(topic string, records int64, rows int, twins int64) *Windows {
	seen := func() *window.Seen { return window.NewSeen(records, rows) }
	return &Windows{Events: seen(), Spans: seen(), Logs: seen(), Sessions: seen(), Metrics: seen(),
		Letters: window.NewSeen(math.MaxInt64, letterRows), Topic: topic, Twins: window.NewTwins(twins)}
}

// advance moves all windows to the record at offset.
func (w *Windows) advance(offset int64) {
	w.Events.Advance(offset)
	w.Spans.Advance(offset)
	w.Logs.Advance(offset)
	w.Sessions.Advance(offset)
	w.Metrics.Advance(offset)
	w.Letters.Advance(offset)
	w.Twins.Advance(offset)
}

// letterRows is how many dead letters that were sent again a partition remembers,
// however many records ago that was. Ranges that are announced are decided by it:
// another number needs a place in the mark.
const letterRows = 100_000

// reasonReplayed is the reason of what a dead letter holds that was sent again
// before.
const reasonReplayed = "replayed"

// revive notes that a letter was sent again. It is false for one that was
// before: whatever it holds has its fate since then, and is a duplicate.
func (b *Block) revive(w *Windows, o *table.Origin, letter uint64, receipts []*schema.Receipt) bool {
	k := window.NumberKey(0, letter)
	if w.Letters.Has(k) {
		b.Stats.Duplicates++
		for _, x := range receipts {
			b.count(o, x.Category, schema.OutcomeAccepted, "", 0, x.Quantity, x.Bytes)
			b.count(o, x.Category, schema.OutcomeDuplicate, reasonReplayed, 0, x.Quantity, x.Bytes)
		}
		return false
	}
	w.Letters.Add(o.Offset, k)
	b.Set.Replayed(o, w.Topic, letter)
	return true
}
