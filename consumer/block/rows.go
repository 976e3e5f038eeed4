package block

import (
	"errata/consumer/letter"
	"errata/consumer/mark"
	"errata/consumer/table"
	"errata/consumer/window"
	"errata/schema"
	"errata/schema/tables/insert"
)

// addCompanions adds what came with an event. Where the event is a repetition
// its companions are too: one envelope was sent twice.
func (b *Block) addCompanions(o *table.Origin, r *schema.Record, repeated bool) {
	for i, x := range r.Attachments {
		if repeated {
			b.duplicate(o, x.Category(), 0, 1, x.Size)
			continue
		}
		if !b.row(o, insert.Attachments, i) {
			b.bury(o, mark.RowID{Table: insert.Attachments, Offset: o.Offset, Item: i}, x.Category(), 0, &schema.Record{Attachments: []*schema.Attachment{x}})
			continue
		}
		b.Set.Attachment(o, x)
		b.stored(o, x.Category(), 0)
	}
	for i, x := range r.Feedback {
		if repeated {
			b.duplicate(o, x.Category(), 0, 1, 0)
			continue
		}
		if !b.row(o, insert.Feedback, i) {
			b.bury(o, mark.RowID{Table: insert.Feedback, Offset: o.Offset, Item: i}, x.Category(), 0, &schema.Record{Feedback: []*schema.Feedback{x}})
			continue
		}
		b.Set.Feedback(o, x)
		b.stored(o, x.Category(), 0)
	}
}

// addTraces adds spans and logs. An exporter that got no answer sends the same
// bytes again: spans are known by trace and span id, logs by an id made from
// their content.
func (b *Block) addTraces(w *Windows, o *table.Origin, r *schema.Record) {
	for i, x := range r.Spans {
		k, ok := window.SpanKey(o.ProjectID, x.TraceId, x.SpanId), x.TraceId != "" && x.SpanId != ""
		if ok && w.Spans.Has(k) {
			b.duplicate(o, x.Category(), x.Protocol, 1, 0)
			continue
		}
		if !b.row(o, insert.Spans, i) {
			b.bury(o, mark.RowID{Table: insert.Spans, Offset: o.Offset, Item: i}, x.Category(), x.Protocol, &schema.Record{Spans: []*schema.Span{x}})
			continue
		}
		if ok {
			w.Spans.Add(o.Offset, k)
		}
		b.Set.Span(o, x)
		b.stored(o, x.Category(), x.Protocol)
	}
	for i, x := range r.Logs {
		k, ok := window.IDKey(o.ProjectID, x.LogId)
		if ok && w.Logs.Has(k) {
			b.duplicate(o, x.Category(), x.Protocol, 1, 0)
			continue
		}
		if !b.row(o, insert.Logs, i) {
			b.bury(o, mark.RowID{Table: insert.Logs, Offset: o.Offset, Item: i}, x.Category(), x.Protocol, &schema.Record{Logs: []*schema.Log{x}})
			continue
		}
		if ok {
			w.Logs.Add(o.Offset, k)
		}
		b.Set.Log(o, x)
		b.stored(o, x.Category(), x.Protocol)
	}
}

// addHealth adds sessions, check-ins and metrics. An update of one session is
// known by its id, sequence, time and status, and a session begins and crashes
// once, however many updates say so. A metric point is known by an id made from
// its content. Buckets of sessions have no identity in their protocol and are
// stored as they come.
func (b *Block) addHealth(w *Windows, o *table.Origin, r *schema.Record) {
	for i, x := range r.Sessions {
		id, ok := window.IDKey(o.ProjectID, x.SessionId)
		u := window.Update{Session: id, Seq: x.Seq, Millis: x.Timestamp, Status: x.Status, Init: x.Init}
		if u.Millis == 0 {
			u.Millis = o.ReceivedAt
		}
		if ok && w.Sessions.Has(u.Key()) {
			b.duplicate(o, x.Category(), schema.Protocol_PROTOCOL_SENTRY, 1, 0)
			continue
		}
		if !b.row(o, insert.Sessions, i) {
			b.bury(o, mark.RowID{Table: insert.Sessions, Offset: o.Offset, Item: i}, x.Category(), schema.Protocol_PROTOCOL_SENTRY, &schema.Record{Sessions: []*schema.Session{x}})
			continue
		}
		quantity := max(x.Quantity, 1)
		if ok {
			began, ended := w.Sessions.Counted(&u)
			u.Init = u.Init && !began
			if ended && !u.Init { // It counts by its quantity, in which it may begin too.
				quantity = 0
			}
			w.Sessions.AddUpdate(o.Offset, &u)
		}
		b.Set.Session(o, x, u.Init, quantity)
		b.stored(o, x.Category(), schema.Protocol_PROTOCOL_SENTRY)
	}
	for i, x := range r.CheckIns {
		if !b.row(o, insert.CheckIns, i) {
			b.bury(o, mark.RowID{Table: insert.CheckIns, Offset: o.Offset, Item: i}, x.Category(), schema.Protocol_PROTOCOL_SENTRY, &schema.Record{CheckIns: []*schema.CheckIn{x}})
			continue
		}
		b.Set.CheckIn(o, x)
		b.stored(o, x.Category(), schema.Protocol_PROTOCOL_SENTRY)
	}
	for i, x := range r.Metrics {
		k, ok := window.NumberKey(o.ProjectID, x.MetricId), x.MetricId != 0
		if ok && w.Metrics.Has(k) {
			b.duplicate(o, x.Category(), x.Protocol, 1, 0)
			continue
		}
		if !b.row(o, insert.Metrics, i) {
			b.bury(o, mark.RowID{Table: insert.Metrics, Offset: o.Offset, Item: i}, x.Category(), x.Protocol, &schema.Record{Metrics: []*schema.Metric{x}})
			continue
		}
		if ok {
			w.Metrics.Add(o.Offset, k)
		}
		b.Set.Metric(o, x)
		b.stored(o, x.Category(), x.Protocol)
	}
	for i, x := range r.Monitors {
		if !b.row(o, insert.Monitors, i) {
			b.bury(o, mark.RowID{Table: insert.Monitors, Offset: o.Offset, Item: i}, "", 0, &schema.Record{Monitors: []*schema.Monitor{x}})
			continue
		}
		b.Set.Monitor(o, x)
	}
}

// bury makes a dead letter of one row: a record with this row alone.
func (b *Block) bury(o *table.Origin, id mark.RowID, category string, p schema.Protocol, alone *schema.Record) {
	alone.ProjectId, alone.ReceivedAt, alone.RetentionDays = o.ProjectID, o.ReceivedAt, o.RetentionDays
	value, err := schema.EncodeRecord(alone)
	if err != nil {
		value = nil // Cannot happen for what was decoded; the letter still tells where it was.
	}
	quantity := uint64(1)
	if alone.Event != nil {
		quantity = uint64(max(alone.Event.Weight, 1))
		b.fate(o, alone.Event, schema.OutcomeDeadLetter, letter.StageInsert, "ClickHouse refused the row; it waits in the dead letters: `errata replay` sends it again.")
	}
	b.Stats.Dead++
	b.Dead = append(b.Dead, letter.Letter{Offset: id.Offset, Item: id.Item, Stage: letter.StageInsert, Reason: "ClickHouse refused a row of " + id.Table, Value: value})
	b.count(o, category, schema.OutcomeDeadLetter, letter.StageInsert, p, quantity, 0)
}
