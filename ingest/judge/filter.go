package judge

import (
	"errata/ingest/filter"
	"errata/schema"
)

// filter takes out what the project does not want. Addresses of clients end all
// that a request brings; releases and environments all that has them but
// check-ins, whose absence would raise an alarm.
func (d *Decision) filter() {
	req := d.b.Request
	f := req.Project.Filter
	if f == nil {
		return
	}
	gone := map[string]bool{}
	d.events(func(ev *schema.Event) bool {
		reason := f.Event(ev, req.ClientIP, req.UserAgent)
		if reason != "" {
			d.end(ev, schema.OutcomeFiltered, reason, "an inbound filter of the project matches")
			gone[string(ev.EventId)] = true
		}
		return reason == ""
	})
	// The row of a feedback that came as an event is no item of its own.
	kept := d.b.Feedback[:0]
	for _, x := range d.b.Feedback {
		if x.Category() != "" || !gone[string(x.FeedbackId)] {
			kept = append(kept, x)
		}
	}
	clear(d.b.Feedback[len(kept):])
	d.b.Feedback = kept
	whole := ""
	if f.Client(req.ClientIP) {
		whole = filter.ReasonIP
	}
	d.b.Spans = wanted(d, d.b.Spans, whole, f)
	d.b.Logs = wanted(d, d.b.Logs, whole, f)
	d.b.Sessions = wanted(d, d.b.Sessions, whole, f)
	d.b.Metrics = wanted(d, d.b.Metrics, whole, f)
	d.b.Feedback = wanted(d, d.b.Feedback, whole, f)
	if whole != "" {
		d.b.CheckIns = wanted(d, d.b.CheckIns, whole, f)
		d.b.Attachments = wanted(d, d.b.Attachments, whole, f)
		d.b.Monitors = nil // They came with the check-ins.
	}
}

// wanted takes unwanted rows out of a list and counts them.
func wanted[T counted](d *Decision, list []T, whole string, f *filter.Filter) []T {
	if len(list) == 0 {
		return list
	}
	type kind struct{ category, reason string }
	gone := map[kind]uint64{}
	kept := list[:0]
	for _, x := range list {
		reason := whole
		if row, ok := any(x).(interface {
			GetRelease() string
			GetEnvironment() string
		}); ok && reason == "" {
			reason = f.Row(row.GetRelease(), row.GetEnvironment())
		}
		switch category := x.Category(); {
		case reason == "":
			kept = append(kept, x)
		case category != "":
			gone[kind{category, reason}]++
		}
	}
	clear(list[len(kept):])
	for k, n := range gone {
		d.b.Fate(&schema.Outcome{Category: k.category, Outcome: schema.OutcomeFiltered, Reason: k.reason, Quantity: n, Detail: "an inbound filter of the project matches"})
	}
	return kept
}
