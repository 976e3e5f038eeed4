package judge

import (
	"maps"
	"time"

	"errata/ingest/intake"
	"errata/ingest/quota"
	"errata/schema"
)

// Limited is a refusal for being over a quota. Some of the request may have
// been taken.
type Limited struct {
	Header     string // For X-Sentry-Rate-Limits.
	RetryAfter time.Duration
	Reason     string // Of the quota.
	Partly     bool   // Some of the request was taken.
	Counted    bool   // What was not has a fate on the topic.
}

// Error says which quota, where it has a name.
func (l *Limited) Error() string {
	if l.Reason == quota.Unnamed {
		return "over a quota of the project or key, which has no reason of its own"
	}
	return "over the quota " + l.Reason
}

// quotasOf returns the limits of a request's project and key.
func quotasOf(req *intake.Request) (project, key []quota.Config) {
	project = req.Project.Settings.Quotas
	if req.KeySettings != nil {
		key = req.KeySettings.Quotas
	}
	return project, key
}

// Spent refuses a request before its body is read when a limit over all
// categories has no room left.
func (j *Judge) Spent(req *intake.Request) error {
	project, key := quotasOf(req)
	if len(project)+len(key) == 0 {
		return nil
	}
	r := j.Quota.Exhausted(project, key, req.Project.ID, req.Key, req.ReceivedAt)
	if r == nil {
		return nil
	}
	header, wait := quota.Header([]quota.Reached{*r}, req.ReceivedAt)
	return &Limited{Header: header, RetryAfter: wait, Reason: r.Quota.ReasonText()}
}

// grant asks the quotas for n items and notes what was refused.
func (d *Decision) grant(category string, fingerprint, n uint64) (granted uint64, reason string) {
	project, key := quotasOf(d.b.Request)
	granted, r := d.judge.Quota.Take(project, key, quota.Ask{
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
func rows[T counted](d *Decision, list []T) []T {
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
func (d *Decision) quotas() {
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

// Refused is the answer to a batch of which a quota took something.
func (d *Decision) Refused() error {
	header, wait := quota.Header(d.limits, d.now)
	if header == "" {
		// No limit, or only those of single issues: SDKs take a 429 without a header
		// for a limit on all that they send.
		return nil
	}
	b := d.b
	kept := len(b.Events) + len(b.Attachments) + len(b.Feedback) + len(b.Spans) + len(b.Logs) + len(b.Sessions) + len(b.CheckIns) + len(b.Metrics) + len(d.tickets)
	return &Limited{Header: header, RetryAfter: wait, Reason: d.limits[0].Quota.ReasonText(), Partly: kept > 0, Counted: true}
}
