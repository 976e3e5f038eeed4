package consumer

import (
	"time"

	"errata/consumer/column"
	"errata/consumer/letter"
	"errata/consumer/mark"
	"errata/consumer/table"
	"errata/consumer/window"
	"errata/schema"
	"errata/schema/tables/insert"
)

// message is one record of a partition as fetched. value is valid until the
// next one is read.
type message struct {
	offset int64
	at     time.Time // The record's own time.
	letter uint64    // Which dead letter it was before; 0: none.
	value  []byte
	pack   *column.Pack // The batch that value lies in; nil where that is not worth keeping.
}

// block is what a range of records [first, end) becomes.
type block struct {
	set        *table.Set
	ledger     ledger
	dead       []letter.Letter
	origin     map[string][]mark.RowID // By table and row: where it came from.
	first, end int64
	records    int
	bytes      int       // Of the records as they came: what ClickHouse gets.
	held       int       // Of the rows as they are kept: payloads are packed.
	started    time.Time // When its first record was read; only cuts use it.
	oldest     time.Time // Time of its oldest record, for freshness.
	refused    mark.Refusals
	record     schema.Record
	candidate  window.Witness // Filled anew for each event.
	stats      stats
}

// stats are counted for the metrics when the block is in.
type stats struct{ stored, duplicates, twins, dead int }

func newBlock(types table.Types) (*block, error) {
	set, err := table.NewSet(types)
	if err != nil {
		return nil, err
	}
	return &block{set: set, ledger: ledger{}, origin: map[string][]mark.RowID{}}, nil
}

func (b *block) reset(first int64) {
	b.set.Reset()
	clear(b.ledger)
	clear(b.dead)
	for t, o := range b.origin {
		b.origin[t] = o[:0]
	}
	b.dead = b.dead[:0]
	b.first, b.end, b.records, b.bytes, b.held = first, first, 0, 0, 0
	b.started, b.oldest, b.refused, b.stats = time.Time{}, time.Time{}, mark.Refusals{}, stats{}
}

// windows are what a partition decides by.
type windows struct {
	events, spans, logs, sessions, metrics *window.Seen
	letters                                *window.Seen // Dead letters that were sent again.
	topic                                  string       // Of the partition, without the prefix.
	twins                                  *window.Twins
}

// advance moves all windows to the record at offset.
func (w *windows) advance(offset int64) {
	w.events.Advance(offset)
	w.spans.Advance(offset)
	w.logs.Advance(offset)
	w.sessions.Advance(offset)
	w.metrics.Advance(offset)
	w.letters.Advance(offset)
	w.twins.Advance(offset)
}

// sizeEvery is how many records are added between two looks at the size.
const sizeEvery = 64

// add turns one record into rows and fates.
func (b *block) add(w *windows, partition int, m message) {
	if b.records == 0 {
		b.started, b.oldest = time.Now(), m.at
	}
	b.end = m.offset + 1
	b.records++
	b.bytes += len(m.value)
	if b.records%sizeEvery == 1 {
		b.held = b.set.Size()
	}
	r := &b.record
	r.ResetVT() // Keeps the memory of the record before; what is kept of that was copied.
	if err := schema.DecodeRecord(r, m.value); err != nil {
		b.poison(m, err)
		return
	}
	if r.ReceivedAt == 0 {
		r.ReceivedAt = m.at.UnixMilli()
	}
	w.advance(m.offset)
	o := &table.Origin{ProjectID: r.ProjectId, ReceivedAt: r.ReceivedAt, RetentionDays: r.RetentionDays, Partition: partition, Offset: m.offset, Pack: m.pack}
	if m.letter != 0 && !b.revive(w, o, m.letter, r.Receipts) {
		return
	}
	for _, x := range r.Receipts {
		b.count(o, x.Category, schema.OutcomeAccepted, "", 0, x.Quantity, x.Bytes)
	}
	for _, x := range r.Outcomes {
		b.count(o, x.Category, x.Outcome, x.Reason, x.Protocol, x.Quantity, x.Bytes)
		if len(x.EventId) == 16 {
			b.set.Fate(&table.Fate{ProjectID: o.ProjectID, EventID: x.EventId, At: o.ReceivedAt, Category: x.Category,
				Outcome: x.Outcome, Reason: x.Reason, Detail: x.Detail, Protocol: x.Protocol})
		}
	}
	repeated := false
	if r.Event != nil {
		repeated = !b.addEvent(w, o, r.Event)
	}
	b.addCompanions(o, r, repeated)
	b.addTraces(w, o, r)
	b.addHealth(w, o, r)
}

func (b *block) count(o *table.Origin, category, outcome, reason string, p schema.Protocol, quantity, bytes uint64) {
	if category == "" || quantity == 0 {
		return
	}
	b.ledger.add(account{o.ProjectID, o.ReceivedAt, category, outcome, reason, p}, quantity, bytes)
}

// poison sends a record that cannot be read to the dead letters. Its receipts
// cannot be read either, so it is taken in and given up in one go: the ledger
// stays balanced.
func (b *block) poison(m message, err error) {
	b.stats.dead++
	b.dead = append(b.dead, letter.Letter{Offset: m.offset, Stage: letter.StageDecode, Reason: err.Error(), Value: append([]byte(nil), m.value...)})
	o := &table.Origin{ReceivedAt: m.at.UnixMilli()}
	b.count(o, schema.CategoryUnknown, schema.OutcomeAccepted, "", 0, 1, uint64(len(m.value)))
	b.count(o, schema.CategoryUnknown, schema.OutcomeDeadLetter, letter.StageDecode, 0, 1, uint64(len(m.value)))
}

// row notes where the next row of a table comes from. It is false for a row
// that ClickHouse is known to refuse: the caller buries it.
func (b *block) row(o *table.Origin, name string, item int) bool {
	id := mark.RowID{Table: name, Offset: o.Offset, Item: item}
	if b.refused.Has(id) {
		return false
	}
	b.origin[name] = append(b.origin[name], id)
	return true
}

func (b *block) stored(o *table.Origin, category string, p schema.Protocol) {
	b.stats.stored++
	b.count(o, category, schema.OutcomeStored, "", p, 1, 0)
}

func (b *block) duplicate(o *table.Origin, category string, p schema.Protocol, quantity, bytes uint64) {
	b.stats.duplicates++
	b.count(o, category, schema.OutcomeDuplicate, "", p, quantity, bytes)
}

// addEvent reports whether the event was new.
func (b *block) addEvent(w *windows, o *table.Origin, e *schema.Event) bool {
	quantity := uint64(max(e.Weight, 1))
	key, ok := window.IDKey(o.ProjectID, e.EventId)
	if ok && w.events.Has(key) {
		b.duplicate(o, e.Category(), e.Protocol, quantity, uint64(e.PayloadBytes))
		b.fate(o, e, schema.OutcomeDuplicate, "", "An event with this id is stored already.")
		return false
	}
	if !b.row(o, insert.Events, 0) {
		b.bury(o, mark.RowID{Table: insert.Events, Offset: o.Offset, Item: 0}, e.Category(), e.Protocol, &schema.Record{Event: e})
		return true
	}
	n := table.Counted{Weight: uint32(quantity), Fingerprint: e.Fingerprint}
	outcome := schema.OutcomeStored
	if len(e.Payload) == 0 {
		outcome = schema.OutcomeSampled
	}
	if e.Weight <= 1 {
		x := b.witness(o, e)
		if primary, fingerprint, twin := w.twins.Judge(x); twin {
			n, outcome = table.Counted{TwinOf: primary, Fingerprint: fingerprint}, schema.OutcomeTwin
			b.stats.twins++
		}
		x.TwinOf, x.Fingerprint = n.TwinOf, n.Fingerprint
		w.twins.Add(x)
	}
	if ok {
		w.events.Add(o.Offset, key)
	}
	b.set.Event(o, e, n)
	b.stats.stored++
	b.count(o, e.Category(), outcome, "", e.Protocol, quantity, uint64(e.PayloadBytes))
	return true
}

func (b *block) fate(o *table.Origin, e *schema.Event, outcome, reason, detail string) {
	b.set.Fate(&table.Fate{ProjectID: o.ProjectID, EventID: e.EventId, At: o.ReceivedAt, Category: e.Category(),
		Outcome: outcome, Reason: reason, Detail: detail, Protocol: e.Protocol})
}

// witness is good until the next call.
func (b *block) witness(o *table.Origin, e *schema.Event) *window.Witness {
	x := &b.candidate
	x.Offset, x.Project, x.Fingerprint, x.MainHash, x.Kind, x.Millis = o.Offset, o.ProjectID, e.Fingerprint, e.MainHash, e.Protocol, e.Timestamp
	x.EventID, x.TwinOf = [16]byte{}, [16]byte{}
	copy(x.EventID[:], e.EventId)
	c := window.Columns{Trace: e.TraceId, Span: e.SpanId, OuterSpan: e.OuterSpanId, Type: e.ExceptionType, Value: e.ExceptionValue, Message: e.Message, Server: e.ServerName,
		Transaction: e.Transaction, Functions: e.FramesFunction, Files: e.FramesFile, Lines: e.FramesLine, InApp: e.FramesInApp}
	for _, t := range e.Tags {
		if t.Key == "pid" {
			c.PID = t.Value
		}
	}
	x.Fill(&c)
	return x
}
