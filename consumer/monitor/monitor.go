// Package monitor finds jobs that did not report: check-ins that should have
// come and did not, and runs that began and never ended. In: what is stored of
// monitors, and the instant up to which that is all there is. Out: check-ins
// with the status missed or timeout. It is pure: the same state gives the same
// check-ins with the same ids, whoever asks.
package monitor

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"errata/schema"
	"errata/schema/schedule"
)

// What a monitor that says nothing gets. Source: Sentry.
const (
	DefaultMargin  = time.Minute
	DefaultRuntime = 30 * time.Minute
)

// Patience is how far back a check-in counts as missed: after a stop of the
// store that lasted longer nobody knows what would have come.
const Patience = time.Hour

// early is how far before its moment a run may begin and still be the one of that
// moment: the clocks of those who start jobs differ from ours, and some start a
// moment early. It is at most a tenth of the time to the next moment.
const early = 10 * time.Second

// maxRound bounds what one round finds for one monitor.
const maxRound = 120

// Status of the check-ins that Late and Unended make.
const (
	Missed  = "missed"
	Timeout = "timeout"
)

// Config is the newest configuration of a monitor.
type Config struct {
	ProjectID     uint32
	RetentionDays uint32
	Slug          string
	Kind          string // crontab or interval.
	Schedule      string
	Timezone      string
	Margin        time.Duration // 0: DefaultMargin.
	Runtime       time.Duration // 0: DefaultRuntime.
	Since         time.Time     // When this schedule took the place of another; zero where it never did.
}

func (c *Config) margin() time.Duration {
	if c.Margin <= 0 {
		return DefaultMargin
	}
	return c.Margin
}

// MaxRuntime is how long a run may take.
func (c *Config) MaxRuntime() time.Duration {
	if c.Runtime <= 0 {
		return DefaultRuntime
	}
	return c.Runtime
}

// Found is a check-in that nobody sent.
type Found struct {
	Config  *Config
	At      time.Time // When it was certain.
	CheckIn *schema.CheckIn
}

// Token names the insert of a found check-in: each member of the consumer group
// finds the same ones, and each is stored once.
func (f *Found) Token() string {
	return fmt.Sprintf("monitor/%d/%x/%s", f.Config.ProjectID, f.CheckIn.CheckInId, f.CheckIn.Status)
}

// Reports are what is known of a monitor's check-ins from one environment.
type Reports struct {
	Came    time.Time // When the last one came.
	Started time.Time // When the last run began.
	Newest  time.Time // When the last one came or should have come.
}

// Late returns the check-ins of an environment that were missed until the
// instant known.
func Late(c *Config, environment string, r Reports, known time.Time) ([]Found, error) {
	s, err := schedule.Parse(c.Kind, c.Schedule, c.Timezone)
	if err != nil {
		return nil, fmt.Errorf("cannot watch monitor %s of project %d: %w", c.Slug, c.ProjectID, err)
	}
	newest := r.Newest
	if c.Since.After(newest) {
		newest = c.Since
	}
	if moment := s.Next(r.Started); !r.Started.IsZero() && moment.After(newest) && moment.Sub(r.Started) <= min(early, s.Next(moment).Sub(moment)/10) {
		newest = moment
	}
	var found []Found
	for next := s.Next(newest); len(found) < maxRound && !next.IsZero(); next = s.Next(next) {
		certain := next.Add(c.margin())
		if certain.After(known) {
			break
		}
		if next.Before(known.Add(-Patience - c.margin())) {
			continue
		}
		found = append(found, Found{c, certain, &schema.CheckIn{
			CheckInId: id(c, environment, next), Monitor: c.Slug, Environment: environment, Status: Missed,
			Timestamp: next.UnixMilli(), ExpectedAt: next.UnixMilli(),
		}})
	}
	return found, nil
}

// id is the same for the same expectation.
func id(c *Config, environment string, at time.Time) []byte {
	text := fmt.Sprintf("%d\x00%s\x00%s\x00%d", c.ProjectID, c.Slug, environment, at.UnixMilli())
	b := binary.BigEndian.AppendUint64(nil, xxhash.Sum64String(text))
	b = binary.BigEndian.AppendUint64(b, xxhash.Sum64String(text+"\x00missed"))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // Version 8: an id of our own making.
	return b
}

// Run is a run that has begun and of which no end is stored.
type Run struct {
	CheckInID   []byte
	Environment string
	Release     string
	TraceID     string
	Started     time.Time
}

// Unended returns the check-in of a run that took too long, nil where it still
// has time.
func Unended(c *Config, r *Run, known time.Time) *Found {
	end := r.Started.Add(c.MaxRuntime())
	if end.After(known) {
		return nil
	}
	return &Found{c, end, &schema.CheckIn{
		CheckInId: r.CheckInID, Monitor: c.Slug, Environment: r.Environment, Release: r.Release, TraceId: r.TraceID, Status: Timeout,
		Timestamp: end.UnixMilli(), ExpectedAt: end.UnixMilli(),
	}}
}

// Gone says whether a monitor is given up: it has reported nothing for so long,
// and for three of its periods.
func Gone(c *Config, came, known time.Time, after time.Duration) (bool, error) {
	if known.Sub(came) < after {
		return false, nil
	}
	s, err := schedule.Parse(c.Kind, c.Schedule, c.Timezone)
	if err != nil {
		return false, fmt.Errorf("cannot watch monitor %s of project %d: %w", c.Slug, c.ProjectID, err)
	}
	next := came
	for range 3 {
		next = s.Next(next)
	}
	return next.Before(known), nil
}
