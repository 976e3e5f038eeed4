package item

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/tree"
	"errata/schema"
	"errata/schema/schedule"
)

// maxSlug bounds a monitor's name.
const maxSlug = 50

// CheckIn reads a monitor's check-in and the configuration that may come with
// it.
func (b *Batch) CheckIn(payload []byte) (id []byte) {
	doc, err := parse(payload)
	if err != nil {
		b.Invalid(schema.CategoryMonitor, "invalid_check_in", err, uint64(len(payload)), nil)
		return nil
	}
	defer doc.Release()
	c, err := b.checkIn(doc.Root)
	if err != nil {
		b.Invalid(schema.CategoryMonitor, "invalid_check_in", err, uint64(len(payload)), nil)
		return nil
	}
	b.Accept(schema.CategoryMonitor, 1, uint64(len(payload)))
	b.CheckIns = append(b.CheckIns, c)
	cfg := doc.Root.Get("monitor_config")
	if tree.Null(cfg) {
		return c.CheckInId
	}
	m, err := b.monitor(c.Monitor, cfg)
	if err != nil {
		// A bad configuration does not cost the check-in, but it is no secret
		// either: it counts as an item of its own, under the check-in's id.
		b.Invalid(schema.CategoryMonitor, "invalid_monitor_config", fmt.Errorf("the check-in is kept, its monitor_config is not: %w", err), 0, c.CheckInId)
		return c.CheckInId
	}
	b.Monitors = append(b.Monitors, m)
	return c.CheckInId
}

func (b *Batch) checkIn(v *node.Value) (*schema.CheckIn, error) {
	c := &schema.CheckIn{Monitor: Slug(b.scrubText(tree.Get(v, "monitor_slug"))), Status: strings.Clone(tree.Get(v, "status")), Timestamp: b.received() / 1000}
	if c.Monitor == "" {
		return nil, errors.New("a check-in needs monitor_slug: letters, digits, - and _")
	}
	switch c.Status {
	case "ok", "error", "in_progress", "missed", "timeout":
	default:
		return nil, errors.New("status of a check-in is in_progress, ok or error")
	}
	// Without an id, or with zeros, it belongs to the last one in progress:
	// it gets an id of its own and is joined by monitor.
	if c.CheckInId = idBytes(tree.Get(v, "check_in_id")); c.CheckInId == nil {
		fresh := NewID()
		c.CheckInId = fresh[:]
	}
	if f, ok := seconds(v.Get("duration")); ok && f > 0 && f < 1e10 {
		c.DurationMs = uint64(f * 1000)
	}
	c.Environment = b.environment(first(tree.Get(v, "environment"), "production"))
	c.Release = b.release(tree.Get(v, "release"))
	c.TraceId = event.HexID(strings.Clone(tree.Get(v.Get("contexts", "trace"), "trace_id")), 32)
	if c.TraceId == "" && b.Header != nil {
		c.TraceId = event.HexID(b.Header.Trace.TraceID, 32)
	}
	return c, nil
}

// seconds reads a number; scripts that make their JSON by hand send it as text.
func seconds(v *node.Value) (float64, bool) {
	if text := tree.Text(v); text != "" {
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	}
	return tree.Float(v)
}

func (b *Batch) monitor(slug string, v *node.Value) (*schema.Monitor, error) {
	if v.Type() != node.TypeObject {
		return nil, errors.New("expected an object with schedule")
	}
	s := v.Get("schedule")
	m := &schema.Monitor{Slug: slug, ScheduleType: strings.Clone(tree.Get(s, "type")), UpdatedAt: b.received() / 1000, Timezone: strings.Clone(tree.Get(v, "timezone"))}
	switch m.ScheduleType {
	case schedule.Crontab:
		m.Schedule = strings.Join(strings.Fields(tree.Get(s, "value")), " ")
	case schedule.Interval:
		n, _ := tree.Uint(s.Get("value"))
		m.Schedule = uitoa(n) + " " + tree.Get(s, "unit")
	}
	// What cannot be judged later is told now.
	if _, err := schedule.Parse(m.ScheduleType, m.Schedule, m.Timezone); err != nil {
		return nil, err
	}
	m.CheckinMarginMin, m.MaxRuntimeMin = minutes(v.Get("checkin_margin")), minutes(v.Get("max_runtime"))
	m.FailureIssueThreshold, m.RecoveryThreshold = minutes(v.Get("failure_issue_threshold")), minutes(v.Get("recovery_threshold"))
	return m, nil
}

func minutes(v *node.Value) uint32 {
	n, _ := tree.Uint(v)
	return uint32(min(n, math.MaxUint32))
}

// Slug makes a monitor's name as it is stored: lower case, letters, digits,
// - and _, at most 50 characters.
func Slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ' || r == '.' || r == '/':
			return '-'
		}
		return -1
	}, s)
	return strings.Clone(strings.Trim(tree.Cut(s, maxSlug), "-")) // Map gives back what needs no change.
}
