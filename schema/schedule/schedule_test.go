package schedule_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema/schedule"
)

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, kind, text, zone string
		after                  string
		next                   []string // In UTC, one after the other.
	}{
		{"every five minutes", "crontab", "*/5 * * * *", "", "2026-11-28T12:01:30Z", []string{"2026-11-28T12:05:00Z", "2026-11-28T12:10:00Z"}},
		{"after means after", "crontab", "*/5 * * * *", "", "2026-11-28T12:05:00Z", []string{"2026-11-28T12:10:00Z"}},
		{"names of days and months", "crontab", "0 9 * JAN-DEC MON-FRI", "", "2026-11-27T10:00:00Z", []string{"2026-11-30T09:00:00Z"}},
		{"Sunday is 7", "crontab", "0 0 * * 7", "", "2026-11-28T12:00:00Z", []string{"2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"}},
		{"Friday to Sunday", "crontab", "0 0 * * 5-7", "", "2026-11-27T12:00:00Z", []string{"2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", "2026-12-04T00:00:00Z"}},
		{"every other day to Sunday", "crontab", "0 0 * * 1-7/2", "", "2026-11-23T12:00:00Z", []string{"2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"}},
		{"every other day, by name", "crontab", "0 0 * * fri-7/2", "", "2026-11-23T12:00:00Z", []string{"2026-11-27T00:00:00Z", "2026-11-29T00:00:00Z", "2026-12-04T00:00:00Z"}},
		{"every third day to Sunday", "crontab", "0 0 * * 2-7/3", "", "2026-11-23T12:00:00Z", []string{"2026-11-24T00:00:00Z", "2026-11-27T00:00:00Z", "2026-12-01T00:00:00Z"}},
		{"the 13th and every Friday", "crontab", "0 9 13 * 5", "", "2026-12-10T12:00:00Z", []string{"2026-12-11T09:00:00Z", "2026-12-13T09:00:00Z", "2026-12-18T09:00:00Z"}},
		{"Mondays of odd days, as cron reads a star", "crontab", "0 9 */2 * 1", "", "2026-11-28T12:00:00Z", []string{"2026-12-07T09:00:00Z", "2026-12-21T09:00:00Z", "2027-01-11T09:00:00Z"}},
		{"the 1st where it is a day of a step", "crontab", "0 9 1 * */2", "", "2026-11-28T12:00:00Z", []string{"2026-12-01T09:00:00Z", "2027-04-01T09:00:00Z"}},
		{"blanks between", "crontab", " 0  0\t1 * * ", "", "2026-11-28T12:00:00Z", []string{"2026-12-01T00:00:00Z"}},
		{"@daily in a zone", "crontab", "@daily", "Asia/Tokyo", "2026-11-28T12:00:00Z", []string{"2026-11-28T15:00:00Z", "2026-11-29T15:00:00Z"}},
		{"the offset changes between two days", "crontab", "0 9 * * *", "Europe/Vienna", "2026-03-28T10:00:00Z", []string{"2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"}},
		{"an hour that does not exist", "crontab", "30 2 * * *", "Europe/Vienna", "2026-03-28T12:00:00Z", []string{"2026-03-30T00:30:00Z"}},
		{"an hour that comes twice counts once", "crontab", "30 2 * * *", "Europe/Vienna", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"jobs of every hour run in both", "crontab", "30 * * * *", "Europe/Vienna", "2026-10-25T00:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"New York, going back", "crontab", "0,30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", []string{"2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:00:00Z"}},
		{"the 29th of February", "crontab", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
		{"ten minutes", "interval", "10 minute", "", "2026-11-28T12:01:30Z", []string{"2026-11-28T12:11:30Z"}},
		{"a day of 23 hours", "interval", "1 day", "Europe/Vienna", "2026-03-28T12:00:00Z", []string{"2026-03-29T11:00:00Z"}},
		{"two weeks", "interval", "2 week", "", "2026-11-28T12:00:00Z", []string{"2026-12-12T12:00:00Z"}},
		{"a month", "interval", "1 month", "", "2026-11-28T12:00:00Z", []string{"2026-12-28T12:00:00Z"}},
		{"months have a last day", "interval", "1 month", "", "2026-10-31T12:00:00Z", []string{"2026-11-30T12:00:00Z"}},
		{"a quarter that ends in February", "interval", "3 month", "", "2026-11-30T12:00:00Z", []string{"2027-02-28T12:00:00Z"}},
		{"months over the end of a year", "interval", "2 month", "", "2027-12-31T12:00:00Z", []string{"2028-02-29T12:00:00Z"}},
		{"the 31st, as its zone has it", "interval", "1 month", "Asia/Tokyo", "2026-10-30T20:00:00Z", []string{"2026-11-29T20:00:00Z"}},
		{"a year from a leap day", "interval", "1 year", "", "2028-02-29T12:00:00Z", []string{"2029-02-28T12:00:00Z"}},
		{"four years from a leap day", "interval", "4 year", "", "2028-02-29T12:00:00Z", []string{"2032-02-29T12:00:00Z"}},
		{"a year", "interval", "1 year", "", "2026-11-28T12:00:00Z", []string{"2027-11-28T12:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := schedule.Parse(c.kind, c.text, c.zone)
			require.NoError(t, err)
			at, err := time.Parse(time.RFC3339, c.after)
			require.NoError(t, err)
			for _, want := range c.next {
				at = s.Next(at)
				require.Equal(t, want, at.UTC().Format(time.RFC3339))
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, kind, text, zone, says string }{
		{"no crontab", "crontab", "99 99 * *", "", `"99 99 * *" is not a crontab`},
		{"a minute that is none", "crontab", "61 * * * *", "", "is not a crontab"},
		{"seconds", "crontab", "0 0 0 * * *", "", "is not a crontab"},
		{"nothing", "crontab", "", "", "must be a crontab"},
		{"a zone inside", "crontab", "TZ=Asia/Tokyo 0 0 * * *", "", "timezone beside it"},
		{"@every", "crontab", "@every 5s", "", "five fields"},
		{"the 31st of February", "crontab", "0 0 31 2 *", "", "never comes"},
		{"a zone that is none", "crontab", "0 0 * * *", "Mars/Olympus", `timezone "Mars/Olympus"`},
		{"the zone of whoever runs the store", "crontab", "0 0 * * *", "Local", "IANA"},
		{"a path", "crontab", "0 0 * * *", "../../etc/passwd", "IANA"},
		{"seconds of an interval", "interval", "10 second", "", `schedule.unit "second"`},
		{"zero", "interval", "0 minute", "", "from 1 to"},
		{"no number", "interval", "x day", "", "from 1 to"},
		{"another kind", "sometimes", "1 day", "", "crontab or interval"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := schedule.Parse(c.kind, c.text, c.zone)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("crontab", "*/5 * * * *", "Europe/Vienna", int64(1_790_000_000))
	f.Add("crontab", "0 0 29 2 1-7/2", "", int64(0))
	f.Add("interval", "3 month", "Asia/Tokyo", int64(1_790_000_000))
	f.Fuzz(func(t *testing.T, kind, text, zone string, at int64) {
		s, err := schedule.Parse(kind, text, zone)
		if err != nil {
			return
		}
		after := time.Unix(at%4_000_000_000, 0)
		if next := s.Next(after); !next.IsZero() && !next.After(after) {
			t.Fatalf("%s is not after %s", next, after)
		}
	})
}
