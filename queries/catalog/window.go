package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Moments is how a moment is bound.
const Moments = "2006-01-02 15:04:05.000"

// Ends are the moments of parameters from and to.
func (c Choice) Ends() (from, to time.Time, err error) {
	var at [2]time.Time
	for i, name := range []string{"from", "to"} {
		v, err := c.value(name)
		if err != nil {
			return from, to, err
		}
		at[i], _ = time.Parse(Moments, v)
	}
	return at[0], at[1], nil
}

// Within tells whether the window from..to is at most so many hours long.
func (c Choice) Within(hours int) (bool, error) {
	from, to, err := c.Ends()
	// As dateDiff counts: whole seconds.
	return to.Unix()-from.Unix() <= int64(hours)*3600, err
}

// Buckets refuses a window that has more buckets of parameter bucket than an
// answer may have: the newest would be missing from it.
func (c Choice) Buckets(most int) (string, error) {
	from, to, err := c.Ends()
	if err != nil {
		return "", err
	}
	width, err := c.value("bucket")
	seconds := map[string]int64{"minute": 60, "hour": 3600, "day": 86400}[width]
	if err != nil || seconds == 0 {
		return "", err
	}
	if n := to.Unix()/seconds - from.Unix()/seconds + 1; n > int64(most) {
		return "", fmt.Errorf("%w: bucket: %s to %s are %d buckets of a %s, the limit is %d: give a wider bucket or a shorter window", ErrParam, from.Format(time.DateTime), to.Format(time.DateTime), n, width, most)
	}
	return "", nil
}

// Whole tells whether the window begins with a slot of so many seconds and its
// last millisecond is that of one: a rollup by such slots has all of it.
func (c Choice) Whole(seconds int) (bool, error) {
	from, to, err := c.Ends()
	slot := int64(seconds) * 1000
	return from.UnixMilli()%slot == 0 && (to.UnixMilli()+1)%slot == 0, err
}

// Selected is what a list of events is filtered by: parameters issue,
// environment, release, service, level, text and filters.
func (c Choice) Selected() (string, error) {
	var parts []string
	for _, part := range []func() (string, error){
		c.OfIssue,
		func() (string, error) { return c.AnyOf("environment") },
		func() (string, error) { return c.AnyOf("release") },
		func() (string, error) { return c.AnyOf("service") },
		func() (string, error) { return c.AnyOf("level") },
		c.HasWords,
		c.EventFilters,
	} {
		text, err := part()
		if err != nil {
			return "", err
		}
		if text != "1" {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "1", nil
	}
	return strings.Join(parts, " AND "), nil
}

// HasWords compares title and message with the words of parameter text, as the
// index of both reads them.
func (c Choice) HasWords() (string, error) {
	return c.Words("concat(title, ' ', message)")
}

// sized are rollups that came later: by their name in rollup_since, how
// their slots begin.
var sized = map[string]string{"stored_size": "toStartOfHour", "stored_size by minute": "toStartOfMinute", "tag_trend.bytes": "toStartOfHour", "received_delay": "toStartOfFiveMinutes"}

// FirstSlot names, as first_slot, where a rollup begins to answer the window:
// where the window does, where it has everything, or where its rows expire.
func (c Choice) FirstSlot(rollup string) (string, error) {
	begin, ok := sized[rollup]
	if !ok {
		return "", fmt.Errorf("it reads %q, which is no such rollup", rollup)
	}
	name, _, _ := strings.Cut(rollup, " ")
	return begin + "({from:DateTime64(3, 'UTC')}) AS begin_slot, greatest(begin_slot, (SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), max(since)) FROM rollup_since WHERE rollup = '" + name +
		"'), toStartOfHour(now('UTC') - INTERVAL 90 DAY) + INTERVAL 1 HOUR) AS first_slot", nil
}

// BeforeSlots selects the events of the window that are older than first_slot,
// in slots as whole as those of the rollup.
func (c Choice) BeforeSlots(seconds int) string {
	end := "toStartOfInterval({to:DateTime64(3, 'UTC')}, toIntervalSecond(" + strconv.Itoa(seconds) + ")) + toIntervalSecond(" + strconv.Itoa(seconds) + ")"
	return "first_slot > begin_slot AND ts >= begin_slot AND ts < least(first_slot, " + end + ")"
}

// Window selects the events of the window. The key has their day, which the
// server knows from ts: named as well, it would be computed of every row.
func (c Choice) Window() string {
	return "ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}"
}

// OfTrace selects when rows of a trace may be: as trace_index says, or, where it
// knows nothing, before the 90 days that it keeps: a project may keep more. Of a
// trace that is nowhere these are few partitions, of which an index says no. mins
// and maxs name what the step before hands on.
func (c Choice) OfTrace(table, mins, maxs string) (string, error) {
	given, err := c.Given(mins)
	if !given {
		return table + ".ts < now64(3) - INTERVAL 89 DAY", err
	}
	end := "{" + maxs + ":Array(DateTime64(3, 'UTC'))}[1]"
	if table != "events" { // Their times are finer.
		end += " + INTERVAL 1 SECOND"
	}
	return table + ".ts >= {" + mins + ":Array(DateTime64(3, 'UTC'))}[1] AND " + table + ".ts <= " + end, nil
}

// Minutely tells whether buckets are whole minutes.
func (c Choice) Minutely() (bool, error) { return c.buckets(60) }

// Fives tells whether buckets are whole five minutes.
func (c Choice) Fives() (bool, error) { return c.buckets(300) }

func (c Choice) buckets(of int) (bool, error) {
	width, err := c.value("bucket_seconds")
	seconds, _ := strconv.Atoi(width)
	return seconds > 0 && seconds%of == 0, err
}

// Delay is how long an event took to get here, in milliseconds, as coarse as
// received_delay has it: both give the same.
func (c Choice) Delay() string {
	exact := "toUnixTimestamp64Milli(received_at) - toUnixTimestamp64Milli(ts)"
	step := "greatest(intDiv(roundToExp2(abs(" + exact + ")), 32), 1)"
	return "toInt64(sign(" + exact + ") * (intDiv(abs(" + exact + "), " + step + ") * " + step + " + intDiv(" + step + ", 2)))"
}
