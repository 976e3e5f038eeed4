// Package schedule knows when a monitored job is expected. In: the schedule of
// a monitor, a crontab or an interval, and its time zone. Out: instants. It is
// pure: it never asks for the time.
package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Machines without a zone database judge alike.

	"github.com/robfig/cron/v3"
)

// Kinds of schedules.
const (
	Crontab  = "crontab"
	Interval = "interval"
)

// star marks a field as one of any day in the library's sets.
const star = 1 << 63

const (
	maxText  = 200
	maxEvery = 100_000 // Units of an interval.
)

// Schedule says when a job should report.
type Schedule struct {
	cron  cron.Schedule
	fixed bool // The crontab names hours, not every hour.
	every int
	unit  string
	zone  *time.Location
}

// Parse reads a schedule as tables keep it: the text of a crontab of five
// fields or one of @hourly and its like, or "N unit". An empty zone is UTC.
// Errors are sentences for the person who configures the monitor.
func Parse(kind, text, zone string) (*Schedule, error) {
	s := &Schedule{zone: time.UTC}
	if zone != "" {
		if strings.EqualFold(zone, "local") {
			return nil, errors.New("timezone must be a name of the IANA database such as Europe/Vienna")
		}
		var err error
		if s.zone, err = time.LoadLocation(zone); err != nil {
			return nil, fmt.Errorf("timezone %q is not in the IANA database, use one such as Europe/Vienna", cut(zone))
		}
	}
	switch kind {
	case Crontab:
		return s, s.crontab(text)
	case Interval:
		return s, s.interval(text)
	}
	return nil, errors.New("schedule.type must be crontab or interval")
}

func (s *Schedule) crontab(text string) error {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || len(text) > maxText {
		return fmt.Errorf("schedule.value must be a crontab of at most %d characters", maxText)
	}
	// The library would read TZ= and @every, which are no part of a crontab.
	if strings.ContainsRune(text, '=') || strings.HasPrefix(text, "@every") {
		return fmt.Errorf("schedule.value %q is not a crontab: use five fields such as */5 * * * *, and timezone beside it", cut(text))
	}
	// 7 is Sunday as well; the library knows only 0.
	fields := strings.Split(text, " ")
	if len(fields) == 5 {
		fields[4] = sunday(fields[4])
		s.fixed = !strings.HasPrefix(fields[1], "*")
	} else {
		s.fixed = text != "@hourly"
	}
	var err error
	if s.cron, err = cron.ParseStandard(strings.Join(fields, " ")); err != nil {
		return fmt.Errorf("schedule.value %q is not a crontab: %w", cut(text), err)
	}
	if spec, ok := s.cron.(*cron.SpecSchedule); ok {
		spec.Location = s.zone
		// cron takes the days that are in both fields where one of them begins with a
		// star, */2 too; the library only where it is nothing but a star.
		if len(fields) == 5 && strings.HasPrefix(fields[2], "*") {
			spec.Dom |= star
		}
		if len(fields) == 5 && strings.HasPrefix(fields[4], "*") {
			spec.Dow |= star
		}
	}
	if s.cron.Next(time.Unix(0, 0)).IsZero() {
		return fmt.Errorf("schedule.value %q names a day that never comes", cut(text))
	}
	return nil
}

// sunday writes 0 for a 7 that stands alone or in a list, and the days one by one
// for a range that ends with it.
func sunday(field string) string {
	parts := strings.Split(field, ",")
	for i, p := range parts {
		span, every, _ := strings.Cut(p, "/")
		from, to, _ := strings.Cut(span, "-")
		first := slices.Index(days, strings.ToLower(from))
		if first < 0 {
			first = slices.Index(numbers, from)
		}
		step, err := strconv.Atoi(cmp.Or(every, "1"))
		switch {
		case span == "7":
			parts[i] = "0"
		case to == "7" && first >= 0 && first < 7 && err == nil && step > 0:
			var list []string
			for day := first; day <= 7; day += min(step, 8) {
				list = append(list, numbers[day%7])
			}
			parts[i] = strings.Join(list, ",")
		}
	}
	return strings.Join(parts, ",")
}

// Days of a week as a crontab has them.
var (
	days    = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	numbers = []string{"0", "1", "2", "3", "4", "5", "6"}
)

func (s *Schedule) interval(text string) error {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxEvery {
		return fmt.Errorf("schedule.value of an interval must be a number from 1 to %d", maxEvery)
	}
	switch unit {
	case "minute", "hour", "day", "week", "month", "year":
	default:
		return fmt.Errorf("schedule.unit %q must be minute, hour, day, week, month or year", cut(unit))
	}
	s.every, s.unit = n, unit
	return nil
}

// Next returns the first instant after t at which the job should report.
func (s *Schedule) Next(t time.Time) time.Time {
	t = t.In(s.zone)
	if s.cron == nil {
		return s.step(t)
	}
	next := s.cron.Next(t)
	// Where clocks go back an hour comes twice. A job of fixed hours runs in the
	// first of the two only, as cron itself does.
	for range 120 {
		if next.IsZero() || !s.fixed || !repeated(next) {
			break
		}
		next = s.cron.Next(next)
	}
	return next
}

// repeated reports whether the wall clock showed the same time before.
func repeated(t time.Time) bool {
	for _, d := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
		b := t.Add(-d)
		if b.Hour() == t.Hour() && b.Minute() == t.Minute() && b.Day() == t.Day() {
			return true
		}
	}
	return false
}

func (s *Schedule) step(t time.Time) time.Time {
	switch s.unit {
	case "minute":
		return t.Add(time.Duration(s.every) * time.Minute)
	case "hour":
		return t.Add(time.Duration(s.every) * time.Hour)
	case "day":
		return t.AddDate(0, 0, s.every)
	case "week":
		return t.AddDate(0, 0, 7*s.every)
	case "month":
		return months(t, s.every)
	}
	return months(t, 12*s.every)
}

// months goes on by months. From a day that the month there does not have it goes
// to its last one, not into the month after.
func months(t time.Time, n int) time.Time {
	next := t.AddDate(0, n, 0)
	if next.Day() == t.Day() {
		return next
	}
	return next.AddDate(0, 0, -next.Day())
}

func cut(s string) string {
	if len(s) > 60 {
		return s[:60]
	}
	return s
}
