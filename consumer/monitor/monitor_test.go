package monitor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/consumer/monitor"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return v
}

func TestLate(t *testing.T) {
	cron := monitor.Config{ProjectID: 1, Slug: "nightly", Kind: "crontab", Schedule: "*/5 * * * *"}
	wide := cron
	wide.Margin = 4 * time.Minute
	interval := monitor.Config{ProjectID: 1, Slug: "every", Kind: "interval", Schedule: "10 minute"}
	vienna := monitor.Config{ProjectID: 1, Slug: "morning", Kind: "crontab", Schedule: "0 9 * * *", Timezone: "Europe/Vienna"}
	for _, c := range []struct {
		name          string
		config        monitor.Config
		newest, known string
		missed        []string
	}{
		{"not yet", cron, "2026-11-28T12:00:01Z", "2026-11-28T12:05:59Z", nil},
		{"when the margin ends", cron, "2026-11-28T12:00:01Z", "2026-11-28T12:06:00Z", []string{"2026-11-28T12:05:00Z"}},
		{"several", cron, "2026-11-28T12:00:01Z", "2026-11-28T12:17:00Z", []string{"2026-11-28T12:05:00Z", "2026-11-28T12:10:00Z", "2026-11-28T12:15:00Z"}},
		{"a margin of its own", wide, "2026-11-28T12:00:01Z", "2026-11-28T12:08:59Z", nil},
		{"it came late but came", cron, "2026-11-28T12:05:50Z", "2026-11-28T12:09:00Z", nil},
		{"an interval goes from the last one", interval, "2026-11-28T12:03:00Z", "2026-11-28T12:24:00Z", []string{"2026-11-28T12:13:00Z", "2026-11-28T12:23:00Z"}},
		{"no further back than patience", cron, "2026-11-28T00:00:01Z", "2026-11-28T12:06:30Z", []string{
			"2026-11-28T11:10:00Z", "2026-11-28T11:15:00Z", "2026-11-28T11:20:00Z", "2026-11-28T11:25:00Z", "2026-11-28T11:30:00Z", "2026-11-28T11:35:00Z",
			"2026-11-28T11:40:00Z", "2026-11-28T11:45:00Z", "2026-11-28T11:50:00Z", "2026-11-28T11:55:00Z", "2026-11-28T12:00:00Z", "2026-11-28T12:05:00Z"}},
		{"in its zone", vienna, "2026-03-28T08:00:30Z", "2026-03-29T07:01:00Z", []string{"2026-03-29T07:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := monitor.Late(&c.config, "prod", monitor.Reports{Newest: at(t, c.newest)}, at(t, c.known))
			require.NoError(t, err)
			var got []string
			ids := map[string]bool{}
			for _, f := range found {
				require.Equal(t, "missed", f.CheckIn.Status)
				require.Equal(t, f.CheckIn.ExpectedAt, f.CheckIn.Timestamp)
				got = append(got, time.UnixMilli(f.CheckIn.ExpectedAt).UTC().Format(time.RFC3339))
				ids[f.Token()] = true
			}
			require.Equal(t, c.missed, got)
			require.Len(t, ids, len(got), "each has a token of its own")
			again, err := monitor.Late(&c.config, "prod", monitor.Reports{Newest: at(t, c.newest)}, at(t, c.known))
			require.NoError(t, err)
			require.Equal(t, found, again, "who asks again finds the same")
		})
	}
}

func TestLateOfRunsThatBeganEarly(t *testing.T) {
	often := monitor.Config{ProjectID: 1, Slug: "often", Kind: "crontab", Schedule: "*/5 * * * *"}
	minutely := monitor.Config{ProjectID: 1, Slug: "minutely", Kind: "crontab", Schedule: "* * * * *"}
	daily := monitor.Config{ProjectID: 1, Slug: "nightly", Kind: "crontab", Schedule: "0 2 * * *", Timezone: "Europe/Vienna"}
	interval := monitor.Config{ProjectID: 1, Slug: "every", Kind: "interval", Schedule: "1 minute"}
	for _, c := range []struct {
		name                   string
		config                 monitor.Config
		started, newest, known string
		missed                 []string
	}{
		{"a clock that is ahead of ours", often, "2026-11-28T11:59:58Z", "2026-11-28T11:59:58Z", "2026-11-28T12:05:59Z", nil},
		{"and its end", often, "2026-11-28T11:59:50Z", "2026-11-28T11:59:59Z", "2026-11-28T12:05:59Z", nil},
		{"the next one is due as ever", often, "2026-11-28T11:59:58Z", "2026-11-28T12:00:30Z", "2026-11-28T12:06:00Z", []string{"2026-11-28T12:05:00Z"}},
		{"an end before the moment is no start", often, "2026-11-28T11:55:00Z", "2026-11-28T11:59:58Z", "2026-11-28T12:01:00Z", []string{"2026-11-28T12:00:00Z"}},
		{"earlier than clocks differ", often, "2026-11-28T11:59:49Z", "2026-11-28T11:59:49Z", "2026-11-28T12:01:00Z", []string{"2026-11-28T12:00:00Z"}},
		{"a day", daily, "2026-11-28T00:59:55Z", "2026-11-28T00:59:57Z", "2026-11-28T12:00:00Z", nil},
		{"every minute, a tenth of it", minutely, "2026-11-28T11:59:54Z", "2026-11-28T11:59:54Z", "2026-11-28T12:01:59Z", nil},
		{"every minute, late", minutely, "2026-11-28T11:59:53Z", "2026-11-28T11:59:53Z", "2026-11-28T12:01:00Z", []string{"2026-11-28T12:00:00Z"}},
		{"an interval has no moments of its own", interval, "2026-11-28T11:59:58Z", "2026-11-28T11:59:58Z", "2026-11-28T12:01:58Z", []string{"2026-11-28T12:00:58Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.missed, missed(t, &c.config, monitor.Reports{Started: at(t, c.started), Newest: at(t, c.newest)}, at(t, c.known)))
		})
	}
}

// A schedule expects nothing of the time before it was in place.
func TestLateByANewSchedule(t *testing.T) {
	c := monitor.Config{ProjectID: 1, Slug: "nightly", Kind: "crontab", Schedule: "*/5 * * * *", Since: at(t, "2026-11-28T12:07:00Z")}
	r := monitor.Reports{Started: at(t, "2026-11-28T02:00:01Z"), Newest: at(t, "2026-11-28T02:10:00Z")}
	require.Empty(t, missed(t, &c, r, at(t, "2026-11-28T12:10:59Z")))
	require.Equal(t, []string{"2026-11-28T12:10:00Z", "2026-11-28T12:15:00Z"}, missed(t, &c, r, at(t, "2026-11-28T12:17:00Z")))
	c.Kind, c.Schedule = "interval", "10 minute"
	require.Equal(t, []string{"2026-11-28T12:17:00Z"}, missed(t, &c, r, at(t, "2026-11-28T12:20:00Z")))
	c.Since = at(t, "2026-11-28T01:00:00Z")
	require.Len(t, missed(t, &c, r, at(t, "2026-11-28T02:31:00Z")), 2, "what reported since goes by its reports")
}

func missed(t *testing.T, c *monitor.Config, r monitor.Reports, known time.Time) (moments []string) {
	t.Helper()
	found, err := monitor.Late(c, "prod", r, known)
	require.NoError(t, err)
	for _, f := range found {
		moments = append(moments, time.UnixMilli(f.CheckIn.ExpectedAt).UTC().Format(time.RFC3339))
	}
	return moments
}

func TestUnended(t *testing.T) {
	c := &monitor.Config{ProjectID: 1, Slug: "nightly", Kind: "crontab", Schedule: "@daily"}
	r := &monitor.Run{CheckInID: make([]byte, 16), Environment: "prod", Started: at(t, "2026-11-28T00:00:10Z")}
	require.Nil(t, monitor.Unended(c, r, at(t, "2026-11-28T00:30:09Z")), "30 minutes where the monitor names none")
	f := monitor.Unended(c, r, at(t, "2026-11-28T00:30:10Z"))
	require.Equal(t, "timeout", f.CheckIn.Status)
	require.Equal(t, r.CheckInID, f.CheckIn.CheckInId)
	c.Runtime = 2 * time.Hour
	require.Nil(t, monitor.Unended(c, r, at(t, "2026-11-28T01:00:00Z")))
}

func TestGone(t *testing.T) {
	for _, c := range []struct {
		name, schedule, came string
		gone                 bool
	}{
		{"reports", "*/5 * * * *", "2026-11-28T11:00:00Z", false},
		{"silent for a day", "*/5 * * * *", "2026-11-27T11:00:00Z", false},
		{"silent for two months", "*/5 * * * *", "2026-09-27T11:00:00Z", true},
		{"a job of every quarter", "0 0 1 */3 *", "2026-07-01T00:00:00Z", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			gone, err := monitor.Gone(&monitor.Config{Kind: "crontab", Schedule: c.schedule}, at(t, c.came), at(t, "2026-11-28T12:00:00Z"), 30*24*time.Hour)
			require.NoError(t, err)
			require.Equal(t, c.gone, gone)
		})
	}
}
