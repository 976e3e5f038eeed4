// Package block turns records of a partition into rows, fates and dead letters. In:
// records in their order, and windows of what came before them. Out: columns of
// all tables for one range of the log. What they hold is a pure function of these,
// so that a range that is built again is the same. It speaks with no server.
package block

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

// Message is one record of a partition as fetched. Value is valid until the
// next one is read.
type Message struct {
	Offset int64
	At     time.Time // The record's own time.
	Letter uint64    // Which dead letter it was before; 0: none.
	Value  []byte
	Pack   *column.Pack // The batch that Value lies in; nil where that is not worth keeping.
}

// Block is what a range of records [first, End) becomes. Fields are read by who
// decides when it is full, and by who stores it.
type Block struct {
	Set     *table.Set
	Dead    []letter.Letter // To be written before the rows.
	End     int64
	Records int
	Bytes   int       // Of the records as they came: what ClickHouse gets.
	Held    int       // Of the rows as they are kept: payloads are packed.
	Started time.Time // When its first record was read; only cuts use it.
	Oldest  time.Time // Time of its oldest record, for freshness.
	Stats   Stats

	ledger    ledger
	origin    map[string][]mark.RowID // By table and row: where it came from.
	refused   mark.Refusals
	record    schema.Record
	candidate window.Witness // Filled anew for each event.
}

// Stats are counted for the metrics when the block is in.
type Stats struct{ Stored, Duplicates, Twins, Dead int }

// New makes a block for tables of these columns.
func New(types table.Types) (*Block, error) {
	set, err := table.NewSet(types)
	if err != nil {
		return nil, err
	}
	return &Block{Set: set, ledger: ledger{}, origin: map[string][]mark.RowID{}}, nil
}

// Reset empties it for a range that begins at first; it keeps its memory.
func (b *Block) Reset(first int64) {
	b.Set.Reset()
	clear(b.ledger)
	clear(b.Dead)
	for t, o := range b.origin {
		b.origin[t] = o[:0]
	}
	b.Dead = b.Dead[:0]
	b.End, b.Records, b.Bytes, b.Held = first, 0, 0, 0
	b.Started, b.Oldest, b.refused, b.Stats = time.Time{}, time.Time{}, mark.Refusals{}, Stats{}
}

// Refuse names rows that become dead letters instead, before records are added.
func (b *Block) Refuse(ids []mark.RowID) { b.refused.Add(ids) }

// Origin says where the rows of a table came from, in their order; nil where they
// are of no record.
func (b *Block) Origin(table string) []mark.RowID { return b.origin[table] }

// Lose counts records that a topic lost before they were read.
func (b *Block) Lose(topic string, at time.Time, records int64) {
	b.ledger.add(account{minute: at.UnixMilli(), category: schema.CategoryUnknown, outcome: schema.OutcomeOffsetGap, reason: topic}, uint64(records), 0)
}

// Seal appends the sums of the ledger. Nothing is added after it.
func (b *Block) Seal() { b.ledger.write(b.Set) }

// sizeEvery is how many records are added between two looks at the size.
const sizeEvery = 64

// Add turns one record into rows and fates.
func (b *Block) Add(w *Windows, partition int, m Message) {
	if b.Records == 0 {
		b.Started, b.Oldest = time.Now(), m.At
	}
	b.End = m.Offset + 1
	b.Records++
	b.Bytes += len(m.Value)
	if b.Records%sizeEvery == 1 {
		b.Held = b.Set.Size()
	}
	r := &b.record
	r.ResetVT() // Keeps the memory of the record before; what is kept of that was copied.
	if err := schema.DecodeRecord(r, m.Value); err != nil {
		b.poison(w, partition, m, err)
		return
	}
	if r.ReceivedAt == 0 {
		r.ReceivedAt = m.At.UnixMilli()
	}
	w.advance(m.Offset)
	o := &table.Origin{ProjectID: r.ProjectId, ReceivedAt: r.ReceivedAt, RetentionDays: r.RetentionDays, Partition: partition, Offset: m.Offset, Pack: m.Pack}
	if m.Letter != 0 && !b.revive(w, o, m.Letter, r.Receipts) {
		return
	}
	for _, x := range r.Receipts {
		b.count(o, x.Category, schema.OutcomeAccepted, "", 0, x.Quantity, x.Bytes)
	}
	for _, x := range r.Outcomes {
		b.count(o, x.Category, x.Outcome, x.Reason, x.Protocol, x.Quantity, x.Bytes)
		if len(x.EventId) == 16 {
			b.Set.Fate(&table.Fate{ProjectID: o.ProjectID, EventID: x.EventId, At: o.ReceivedAt, Category: x.Category,
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

func (b *Block) count(o *table.Origin, category, outcome, reason string, p schema.Protocol, quantity, bytes uint64) {
	if category == "" || quantity == 0 {
		return
	}
	b.ledger.add(account{o.ProjectID, o.ReceivedAt, category, outcome, reason, p}, quantity, bytes)
}

// poison sends a record that cannot be read to the dead letters. Its receipts
// cannot be read either, so it is taken in and given up in one go: the ledger
// stays balanced. A letter that cannot be read yet becomes one letter more, not
// one each time that it is sent: one that can be read later is stored once.
func (b *Block) poison(w *Windows, partition int, m Message, err error) {
	o := &table.Origin{ReceivedAt: m.At.UnixMilli(), Partition: partition, Offset: m.Offset}
	taken := &schema.Receipt{Category: schema.CategoryUnknown, Quantity: 1, Bytes: uint64(len(m.Value))}
	if w.advance(m.Offset); m.Letter != 0 && !b.revive(w, o, m.Letter, []*schema.Receipt{taken}) {
		return
	}
	b.Stats.Dead++
	b.Dead = append(b.Dead, letter.Letter{Offset: m.Offset, Stage: letter.StageDecode, Reason: err.Error(), Value: append([]byte(nil), m.Value...)})
	b.count(o, taken.Category, schema.OutcomeAccepted, "", 0, taken.Quantity, taken.Bytes)
	b.count(o, taken.Category, schema.OutcomeDeadLetter, letter.StageDecode, 0, taken.Quantity, taken.Bytes)
}

// row notes where the next row of a table comes from. It is false for a row
// that ClickHouse is known to refuse: the caller buries it.
func (b *Block) row(o *table.Origin, name string, item int) bool {
	id := mark.RowID{Table: name, Offset: o.Offset, Item: item}
	if b.refused.Has(id) {
		return false
	}
	b.origin[name] = append(b.origin[name], id)
	return true
}

func (b *Block) stored(o *table.Origin, category string, p schema.Protocol) {
	b.Stats.Stored++
	b.count(o, category, schema.OutcomeStored, "", p, 1, 0)
}

func (b *Block) duplicate(o *table.Origin, category string, p schema.Protocol, quantity, bytes uint64) {
	b.Stats.Duplicates++
	b.count(o, category, schema.OutcomeDuplicate, "", p, quantity, bytes)
}

// addEvent reports whether the event was new.
func (b *Block) addEvent(w *Windows, o *table.Origin, e *schema.Event) bool {
	quantity := uint64(max(e.Weight, 1))
	key, ok := window.IDKey(o.ProjectID, e.EventId)
	if ok && w.Events.Has(key) {
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
		if primary, fingerprint, twin := w.Twins.Judge(x); twin {
			n, outcome = table.Counted{TwinOf: primary, Fingerprint: fingerprint}, schema.OutcomeTwin
			b.Stats.Twins++
		}
		x.TwinOf, x.Fingerprint = n.TwinOf, n.Fingerprint
		w.Twins.Add(x)
	}
	if ok {
		w.Events.Add(o.Offset, key)
	}
	b.Set.Event(o, e, n)
	b.Stats.Stored++
	b.count(o, e.Category(), outcome, "", e.Protocol, quantity, uint64(e.PayloadBytes))
	return true
}

func (b *Block) fate(o *table.Origin, e *schema.Event, outcome, reason, detail string) {
	b.Set.Fate(&table.Fate{ProjectID: o.ProjectID, EventID: e.EventId, At: o.ReceivedAt, Category: e.Category(),
		Outcome: outcome, Reason: reason, Detail: detail, Protocol: e.Protocol})
}

// witness is good until the next call.
func (b *Block) witness(o *table.Origin, e *schema.Event) *window.Witness {
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
