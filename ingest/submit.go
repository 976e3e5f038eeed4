package ingest

import (
	"context"
	"errors"
	"iter"
	"time"

	"errata/ingest/flood"
	"errata/ingest/inflate"
	"errata/ingest/intake"
	"errata/ingest/mapping"
	"errata/ingest/record"
	"errata/ingest/topic"
	"errata/schema"
)

// submit decides over a batch's items and makes it durable. Nil means that
// every item of it is on a topic or in the spool, as a row or as a fate;
// *limited means the same, and that some of the fates are a quota's.
func (s *Server) submit(ctx context.Context, b *intake.Batch) error {
	if s.cfg.Full != nil && s.cfg.Full() {
		return refuse(503, "the store cannot keep events now", "unavailable", "the broker is full of records that are not stored yet")
	}
	for _, r := range b.Receipts {
		s.metrics.items.WithLabelValues(r.Category).Add(float64(r.Quantity))
	}
	d := decision{s: s, b: b, now: b.Request.ReceivedAt}
	d.filter()
	d.quotas()
	d.flood()
	err := d.complete()
	if err == nil {
		err = s.write(ctx, b)
	}
	// The groups of the flood are waited for even when the rest failed: their
	// events alias the request.
	for _, t := range d.tickets {
		err = errors.Join(err, t.Wait())
	}
	if err != nil {
		for _, j := range d.judged {
			// What is counted is so even where the rest of its request failed.
			if j.verdict != flood.Counted || d.tickets[j.ticket].Wait() != nil {
				s.flood.Forget(b.Request.Project.ID, j.ev, j.verdict)
			}
		}
		return err
	}
	if len(b.Receipts) > 0 {
		s.metrics.accepted.Set(float64(b.Request.ReceivedAt.UnixMilli()) / 1000)
	}
	for _, o := range b.Outcomes {
		s.metrics.fates.WithLabelValues(o.Category, o.Outcome, reasonLabel(o)).Add(float64(o.Quantity))
	}
	return d.refused()
}

// write keeps blobs, then records.
func (s *Server) write(ctx context.Context, b *intake.Batch) error {
	for i := range b.Blobs {
		// Before the record: a row never names a blob that is not there.
		x := &b.Blobs[i]
		if !named(b, x.Key) {
			continue
		}
		if err := s.blobs.Put(ctx, x.Key, x.ContentType, s.paced(x.Data)); err != nil {
			s.log.Error("cannot keep a blob", "error", err)
			return refuse(503, "the store cannot keep attachments now", "unavailable", "the blob store refused a write")
		}
	}
	messages, err := record.Cut(b)
	if err != nil {
		return err
	}
	b.Encoded()
	return s.producer.Write(ctx, messages)
}

// paced cuts a blob into parts. Large ones are written as they are read: at a
// rate that leaves others their share.
func (s *Server) paced(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for part := range mapping.Parts(data) {
			if !yield(part) {
				return
			}
			if len(data) > inflate.HeavyBytes {
				s.pace.wait(len(part))
			}
		}
	}
}

// named reports whether a row still names a blob.
func named(b *intake.Batch, key string) bool {
	for _, a := range b.Attachments {
		if a.Key == key {
			return true
		}
	}
	return false
}

// sendGroups makes the records of counted events durable.
func (s *Server) sendGroups(groups []flood.Keyed) error {
	messages := make([]topic.Message, 0, len(groups))
	for _, g := range groups {
		value, err := schema.EncodeRecord(g.Record)
		if err != nil {
			return err
		}
		s.metrics.counted.Add(float64(g.Record.Event.Weight))
		messages = append(messages, topic.Message{Topic: schema.TopicEvents, Key: g.Key, Value: value})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.producer.Write(ctx, messages)
}

// reasonLabel keeps reasons that clients can make up out of the metrics.
func reasonLabel(o *schema.Outcome) string {
	if o.Outcome == schema.OutcomeDropped || o.Outcome == schema.OutcomeClientReport {
		return ""
	}
	return o.Reason
}

// takeReceipt removes one item of a category from the batch's receipts and
// returns its bytes: it is accounted for elsewhere.
func takeReceipt(b *intake.Batch, category string) uint64 {
	for _, r := range b.Receipts {
		if r.Category == category && r.Quantity > 0 {
			bytes := r.Bytes / r.Quantity
			r.Quantity--
			r.Bytes -= bytes
			return bytes
		}
	}
	return 0
}

// decision is what filters, quotas and flood make of one batch.
type decision struct {
	s       *Server
	b       *intake.Batch
	now     time.Time
	limits  []reached
	tickets []flood.Ticket
	judged  []judged
}

// judged is an event with the verdict of the flood, and the place of its ticket
// where it is counted.
type judged struct {
	ev      *schema.Event
	verdict flood.Verdict
	ticket  int
}

// end takes an event out of the batch with a fate, and with it what hangs on it.
func (d *decision) end(ev *schema.Event, outcome, reason, detail string) {
	d.b.Fate(&schema.Outcome{
		Category: ev.Category(), Outcome: outcome, Reason: reason, Detail: detail, Quantity: 1,
		Bytes: uint64(ev.PayloadBytes), EventId: ev.EventId, Protocol: ev.Protocol,
	})
	d.orphan(ev, outcome, reason)
}

// orphan ends the attachments of an event that is not kept.
func (d *decision) orphan(ev *schema.Event, outcome, reason string) {
	kept := d.b.Attachments[:0]
	for _, a := range d.b.Attachments {
		if string(a.EventId) == string(ev.EventId) {
			d.b.Fate(&schema.Outcome{Category: a.Category(), Outcome: outcome, Reason: reason, Quantity: 1, Bytes: a.Size, EventId: ev.EventId, Protocol: ev.Protocol})
			continue
		}
		kept = append(kept, a)
	}
	clear(d.b.Attachments[len(kept):])
	d.b.Attachments = kept
}

// events keeps those for which f is true.
func (d *decision) events(f func(*schema.Event) bool) {
	kept := d.b.Events[:0]
	for _, ev := range d.b.Events {
		if f(ev) {
			kept = append(kept, ev)
		}
	}
	clear(d.b.Events[len(kept):])
	d.b.Events = kept
}

func (d *decision) flood() {
	req := d.b.Request
	d.events(func(ev *schema.Event) bool {
		if ev.Category() != schema.CategoryError || ev.Weight > 1 {
			return true
		}
		verdict := d.s.flood.Judge(req.Project, ev, d.now)
		d.judged = append(d.judged, judged{ev, verdict, len(d.tickets)})
		o := d.outline(ev)
		switch verdict {
		case flood.Counted:
			if o != nil {
				o.Counted()
				d.s.outlined.Add(1)
			}
			bytes := takeReceipt(d.b, ev.Category())
			d.tickets = append(d.tickets, d.s.flood.Join(req, ev, bytes))
			d.orphan(ev, schema.OutcomeDropped, "flood")
			return false
		case flood.Twin:
			d.end(ev, schema.OutcomeTwin, "flood", "another witness of an occurrence that was counted")
			return false
		case flood.Duplicate:
			d.end(ev, schema.OutcomeDuplicate, "flood", "an event with this id was counted before")
			return false
		}
		return true
	})
}

// outline returns that of an event; nil for one that was read whole.
func (d *decision) outline(ev *schema.Event) *intake.Outline {
	for i := range d.b.Outlines {
		if d.b.Outlines[i].Event == ev {
			return &d.b.Outlines[i]
		}
	}
	return nil
}

// complete reads the rest of the events that are kept whole.
func (d *decision) complete() error {
	if len(d.b.Outlines) == 0 || len(d.b.Events) == 0 {
		return nil
	}
	whole := map[*schema.Event]*schema.Event{}
	err := d.s.inTurn(d.b.Request, &requestBody{}, func() error {
		for _, ev := range d.b.Events {
			if o := d.outline(ev); o != nil {
				whole[ev] = o.Whole()
			}
		}
		return nil
	})
	d.events(func(ev *schema.Event) bool {
		x, outlined := whole[ev]
		if outlined && x == nil {
			d.end(ev, schema.OutcomeInvalid, "invalid_json", "a part of the event that does not decide its issue is no JSON")
		}
		return !outlined || x != nil
	})
	for i, ev := range d.b.Events {
		if x := whole[ev]; x != nil {
			d.b.Events[i] = x
		}
	}
	return err
}
