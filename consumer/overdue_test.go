package consumer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/schema"
)

// TestOverdueCheckIns stores check-ins of the last minutes and lets two members
// of a group find what was missed and what never ended.
func TestOverdueCheckIns(t *testing.T) {
	t.Parallel()
	s := newStore(t, 2)
	now := time.Now()
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	record := func(n uint64, monitor, status string, at int64, id uint64) *schema.Record {
		return &schema.Record{ProjectId: 7, ReceivedAt: at, RetentionDays: 30, Receipts: []*schema.Receipt{{Category: schema.CategoryMonitor, Quantity: 1}},
			CheckIns: []*schema.CheckIn{{CheckInId: id16(id), Monitor: monitor, Status: status, Timestamp: at, Environment: "prod", Release: "jobs@1"}}}
	}
	configured := func(r *schema.Record, schedule string, runtime uint32) *schema.Record {
		kind := "interval"
		if schedule[0] == '*' {
			kind = "crontab"
		}
		r.Monitors = []*schema.Monitor{{Slug: r.CheckIns[0].Monitor, ScheduleType: kind, Schedule: schedule, CheckinMarginMin: 1, MaxRuntimeMin: runtime, UpdatedAt: r.ReceivedAt}}
		return r
	}
	punctual := configured(record(2, "punctual", "ok", ago(20*time.Second), 2), "* * * * *", 5)
	punctual.Monitors[0].CheckinMarginMin = 5 // Its next one is due within this minute.
	// It began some seconds before its moment, as clocks have it, and is due again tomorrow.
	moment := now.UTC().Add(-3 * time.Minute).Truncate(time.Minute)
	early := configured(record(12, "early", "ok", moment.Add(-4*time.Second).UnixMilli(), 11), "1 day", 5)
	early.Monitors[0].ScheduleType, early.Monitors[0].Schedule = "crontab", fmt.Sprintf("%d %d * * *", moment.Minute(), moment.Hour())
	// One environment brought a denser schedule, of which the other has not heard.
	denser := configured(record(15, "denser", "ok", ago(30*time.Second), 13), "* * * * *", 5)
	denser.CheckIns[0].Environment = "staging"
	denser.Monitors[0].CheckinMarginMin = 30
	for i, r := range []*schema.Record{
		// Came nine and a half minutes ago: of an interval of four two are missed, and the
		// third one is not before the test is over, however slow the machine is.
		configured(record(1, "often", "ok", ago(9*time.Minute+30*time.Second), 1), "4 minute", 5),
		// Came lately.
		punctual,
		// Began, and ended in time or not at all.
		configured(record(3, "long", "in_progress", ago(8*time.Minute), 3), "1 day", 5),
		record(4, "long", "in_progress", ago(7*time.Minute), 4),
		record(5, "long", "error", ago(6*time.Minute), 4),
		record(6, "long", "in_progress", ago(time.Minute), 5),
		// Ended with an id of its own, as shell scripts do.
		configured(record(7, "script", "in_progress", ago(8*time.Minute), 6), "1 day", 5),
		record(8, "script", "ok", ago(7*time.Minute), 7),
		// Never ended, and so the next one was missed: an earlier round has found that.
		configured(record(10, "hung", "in_progress", ago(8*time.Minute), 9), "1 day", 5),
		record(11, "hung", "missed", ago(2*time.Minute), 10),
		early,
		// Says again and again that it is under way.
		configured(record(13, "beats", "in_progress", ago(40*time.Minute), 12), "1 day", 30),
		record(14, "beats", "in_progress", ago(time.Minute), 12),
		configured(record(16, "denser", "ok", ago(50*time.Minute), 14), "1 day", 5),
		denser,
		// Nobody knows when it should come.
		record(9, "free", "in_progress", ago(50*time.Minute), 8),
	} {
		s.send(schema.TopicSessions, string(rune('a'+i)), r)
	}
	cfg := s.config()
	cfg.MonitorEvery = 200 * time.Millisecond
	s.start(cfg)
	s.start(cfg)
	s.eventually(5, "SELECT count() FROM check_ins WHERE status IN ('missed', 'timeout')")
	s.eventually(2, "SELECT count() FROM check_ins WHERE monitor = 'often' AND status = 'missed' AND environment = 'prod' AND project_id = 7 AND retention_days = 90")
	s.eventually(1, "SELECT count() FROM check_ins WHERE monitor = 'long' AND status = 'timeout' AND check_in_id = toUUID(?) AND release = 'jobs@1'", uuid.UUID(id16(3)).String())
	s.eventually(uint64(ago(5*time.Minute+30*time.Second)), "SELECT toUInt64(toUnixTimestamp64Milli(min(expected_at))) FROM check_ins WHERE monitor = 'often' AND status = 'missed'")
	s.eventually(1, "SELECT count() FROM check_ins WHERE monitor = 'hung' AND status = 'timeout' AND check_in_id = toUUID(?)", uuid.UUID(id16(9)).String())
	time.Sleep(time.Second) // Some rounds of both.
	require.EqualValues(t, 20, s.number("SELECT count() FROM check_ins"), "each is stored once, whoever finds it")
	s.balanced()
}
