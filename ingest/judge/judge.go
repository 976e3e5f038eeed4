// Package judge decides what becomes of a batch before it is on a topic: inbound
// filters, then quotas, then the flood. In: a batch of items that could be read.
// Out: the same without what is not kept, each of those with a fate. It never
// writes anything and keeps no item.
package judge

import (
	"errors"
	"sync/atomic"
	"time"

	"errata/ingest/flood"
	"errata/ingest/intake"
	"errata/ingest/quota"
	"errata/schema"
)

// Judge is safe for concurrent use.
type Judge struct {
	Quota    *quota.Limiter
	Flood    *flood.Flood
	Outlined atomic.Uint64 // Events of which only the outline was read.
}

// Decision is what filters, quotas and flood make of one batch.
type Decision struct {
	judge   *Judge
	b       *intake.Batch
	now     time.Time
	limits  []quota.Reached
	tickets []flood.Ticket
	judged  []judged
}

// Batch decides over all items of a batch. Events that are kept and of which only
// the outline is there are read whole, inside of inTurn, whose error it returns.
func (j *Judge) Batch(b *intake.Batch, inTurn func(read func() error) error) (*Decision, error) {
	d := &Decision{judge: j, b: b, now: b.Request.ReceivedAt}
	d.filter()
	d.quotas()
	d.flood()
	return d, d.complete(inTurn)
}

// Wait returns when all counted events are durable, or why some are not.
func (d *Decision) Wait() (err error) {
	for _, t := range d.tickets {
		err = errors.Join(err, t.Wait())
	}
	return err
}

// Forget takes back the flood's verdicts: the batch could not be made durable.
// What is counted is so even where the rest of its request failed.
func (d *Decision) Forget() {
	for _, j := range d.judged {
		if j.verdict != flood.Counted || d.tickets[j.ticket].Wait() != nil {
			d.judge.Flood.Forget(d.b.Request.Project.ID, j.ev, j.verdict)
		}
	}
}

// judged is an event with the verdict of the flood, and the place of its ticket
// where it is counted.
type judged struct {
	ev      *schema.Event
	verdict flood.Verdict
	ticket  int
}

// end takes an event out of the batch with a fate, and with it what hangs on it.
func (d *Decision) end(ev *schema.Event, outcome, reason, detail string) {
	d.b.Fate(&schema.Outcome{
		Category: ev.Category(), Outcome: outcome, Reason: reason, Detail: detail, Quantity: 1,
		Bytes: uint64(ev.PayloadBytes), EventId: ev.EventId, Protocol: ev.Protocol,
	})
	d.orphan(ev, outcome, reason)
}

// orphan ends the attachments of an event that is not kept.
func (d *Decision) orphan(ev *schema.Event, outcome, reason string) {
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
func (d *Decision) events(f func(*schema.Event) bool) {
	kept := d.b.Events[:0]
	for _, ev := range d.b.Events {
		if f(ev) {
			kept = append(kept, ev)
		}
	}
	clear(d.b.Events[len(kept):])
	d.b.Events = kept
}

func (d *Decision) flood() {
	req := d.b.Request
	d.events(func(ev *schema.Event) bool {
		if ev.Category() != schema.CategoryError || ev.Weight > 1 {
			return true
		}
		verdict := d.judge.Flood.Judge(req.Project, ev, d.now)
		d.judged = append(d.judged, judged{ev, verdict, len(d.tickets)})
		o := d.outline(ev)
		switch verdict {
		case flood.Counted:
			if o != nil {
				o.Counted()
				d.judge.Outlined.Add(1)
			}
			bytes := takeReceipt(d.b, ev.Category())
			d.tickets = append(d.tickets, d.judge.Flood.Join(req, ev, bytes))
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
func (d *Decision) outline(ev *schema.Event) *intake.Outline {
	for i := range d.b.Outlines {
		if d.b.Outlines[i].Event == ev {
			return &d.b.Outlines[i]
		}
	}
	return nil
}

// complete reads the rest of the events that are kept whole.
func (d *Decision) complete(inTurn func(read func() error) error) error {
	if len(d.b.Outlines) == 0 || len(d.b.Events) == 0 {
		return nil
	}
	whole := map[*schema.Event]*schema.Event{}
	err := inTurn(func() error {
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
