package ingest

import (
	"errata/ingest/intake"
	"errata/ingest/quota"
	"errata/schema"
	"maps"
)

type reached = quota.Reached

// quotasOf returns the limits of a request's project and key.
func quotasOf(req *intake.Request) (project, key []quota.Config) {
	project = req.Project.Settings.Quotas
	if req.KeySettings != nil {
		key = req.KeySettings.Quotas
	}
	return project, key
}

// spent refuses a request before its body is read when a limit over all
// categories has no room left.
func (s *Server) spent(req *intake.Request) error {
	project, key := quotasOf(req)
	if len(project)+len(key) == 0 {
		return nil
	}
	r := s.quota.Exhausted(project, key, req.Project.ID, req.Key, req.ReceivedAt)
	if r == nil {
		return nil
	}
	header, wait := quota.Header([]reached{*r}, req.ReceivedAt)
	return &limited{header: header, retryAfter: wait, reason: r.Quota.ReasonText()}
}

// grant asks the quotas for n items and notes what was refused.
func (d *decision) grant(category string, fingerprint, n uint64) (granted uint64, reason string) {
	project, key := quotasOf(d.b.Request)
	granted, r := d.s.quota.Take(project, key, quota.Ask{
		Project: d.b.Request.Project.ID, Key: d.b.Request.Key, Category: category, Fingerprint: fingerprint, N: n, Now: d.now,
	})
	if r == nil {
		return granted, ""
	}
	known := false
	for _, have := range d.limits {
		known = known || have.Quota == r.Quota
	}
	if !known {
		d.limits = append(d.limits, *r)
	}
	return granted, r.Quota.ReasonText()
}

// counted is a row that counts in a category.
type counted interface {
	comparable
	Category() string
}

// rows takes rows over their quota out of a list.
func rows[T counted](d *decision, list []T) []T {
	if len(list) == 0 {
		return list
	}
	wanted := map[string]uint64{}
	for _, x := range list {
		wanted[x.Category()]++
	}
	left, reasons, all := map[string]uint64{}, map[string]string{}, true
	for category, n := range wanted {
		if category == "" {
			left[category] = n
			continue
		}
		left[category], reasons[category] = d.grant(category, 0, n)
		all = all && left[category] == n
	}
	if all {
		return list
	}
	kept := list[:0]
	for _, x := range list {
		if category := x.Category(); left[category] > 0 {
			left[category]--
			kept = append(kept, x)
		}
	}
	var none T
	for i := len(kept); i < len(list); i++ {
		list[i] = none
	}
	over := map[string]uint64{}
	maps.Copy(over, wanted)
	for _, x := range kept {
		over[x.Category()]--
	}
	for category, n := range over {
		if n > 0 {
			d.b.Fate(&schema.Outcome{Category: category, Outcome: schema.OutcomeRateLimited, Reason: reasons[category], Quantity: n})
		}
	}
	return kept
}

// quotas applies the limits of project and key to all rows.
func (d *decision) quotas() {
	project, key := quotasOf(d.b.Request)
	if len(project)+len(key) == 0 {
		return
	}
	d.events(func(ev *schema.Event) bool {
		n, reason := d.grant(ev.Category(), ev.Fingerprint, 1)
		if n == 0 {
			d.end(ev, schema.OutcomeRateLimited, reason, "over a quota of the project or key")
		}
		return n > 0
	})
	d.b.Attachments = rows(d, d.b.Attachments)
	d.b.Feedback = rows(d, d.b.Feedback)
	d.b.Spans = rows(d, d.b.Spans)
	d.b.Logs = rows(d, d.b.Logs)
	d.b.Sessions = rows(d, d.b.Sessions)
	d.b.CheckIns = rows(d, d.b.CheckIns)
	d.b.Metrics = rows(d, d.b.Metrics)
}

// refused is the answer to a batch of which a quota took something.
func (d *decision) refused() error {
	header, wait := quota.Header(d.limits, d.now)
	if header == "" {
		// No limit, or only those of single issues: SDKs take a 429 without a header
		// for a limit on all that they send.
		return nil
	}
	b := d.b
	kept := len(b.Events) + len(b.Attachments) + len(b.Feedback) + len(b.Spans) + len(b.Logs) + len(b.Sessions) + len(b.CheckIns) + len(b.Metrics) + len(d.tickets)
	return &limited{header: header, retryAfter: wait, reason: d.limits[0].Quota.ReasonText(), partly: kept > 0, counted: true}
}
