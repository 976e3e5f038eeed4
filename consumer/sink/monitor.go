package sink

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"errata/consumer/monitor"
)

//go:embed monitor_configs.sql
var monitorConfigs string

//go:embed monitor_newest.sql
var monitorNewest string

//go:embed monitor_runs.sql
var monitorRuns string

// MonitorKey names a monitor of a project.
type MonitorKey struct {
	ProjectID uint32
	Slug      string
}

// Monitors returns the newest configurations.
func (s *Sink) Monitors(ctx context.Context) (map[MonitorKey]*monitor.Config, error) {
	all := map[MonitorKey]*monitor.Config{}
	var projects, retention, margins, runtimes proto.ColUInt32
	var slugs, kinds, schedules, zones proto.ColStr
	var since proto.ColInt64
	err := s.do(ctx, ch.Query{Body: monitorConfigs, Settings: readback(),
		Result: proto.Results{{Name: "project_id", Data: &projects}, {Name: "retention_days", Data: &retention}, {Name: "slug", Data: &slugs},
			{Name: "kind", Data: &kinds}, {Name: "schedule", Data: &schedules}, {Name: "timezone", Data: &zones},
			{Name: "margin", Data: &margins}, {Name: "runtime", Data: &runtimes}, {Name: "since", Data: &since}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range projects.Rows() {
				all[MonitorKey{projects.Row(i), slugs.Row(i)}] = &monitor.Config{
					ProjectID: projects.Row(i), RetentionDays: retention.Row(i), Slug: slugs.Row(i), Kind: kinds.Row(i), Schedule: schedules.Row(i),
					Timezone: zones.Row(i), Margin: time.Duration(margins.Row(i)) * time.Minute, Runtime: time.Duration(runtimes.Row(i)) * time.Minute,
					Since: instant(since.Row(i)),
				}
			}
			return nil
		}})
	if err != nil {
		return nil, fmt.Errorf("cannot read the monitors: %w", err)
	}
	return all, nil
}

// instant is the zero time where there is none.
func instant(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// CheckIns calls f for each monitor and environment with check-ins since a
// moment.
func (s *Sink) CheckIns(ctx context.Context, since time.Time, f func(k MonitorKey, environment string, r monitor.Reports)) error {
	var projects proto.ColUInt32
	var slugs, environments proto.ColStr
	var came, started, newest proto.ColInt64
	err := s.do(ctx, ch.Query{Body: monitorNewest, Settings: readback(), Parameters: sinceParameter(since),
		Result: proto.Results{{Name: "project_id", Data: &projects}, {Name: "slug", Data: &slugs}, {Name: "environment", Data: &environments},
			{Name: "came", Data: &came}, {Name: "started", Data: &started}, {Name: "newest", Data: &newest}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range projects.Rows() {
				f(MonitorKey{projects.Row(i), slugs.Row(i)}, environments.Row(i), monitor.Reports{
					Came: instant(came.Row(i)), Started: instant(started.Row(i)), Newest: instant(newest.Row(i))})
			}
			return nil
		}})
	if err != nil {
		return fmt.Errorf("cannot read the newest check-ins: %w", err)
	}
	return nil
}

// Runs calls f for each run since a moment that has no end.
func (s *Sink) Runs(ctx context.Context, since time.Time, f func(k MonitorKey, r *monitor.Run)) error {
	var projects proto.ColUInt32
	var slugs, environments, releases, traces proto.ColStr
	var ids proto.ColUUID
	var started proto.ColInt64
	err := s.do(ctx, ch.Query{Body: monitorRuns, Settings: readback(), Parameters: sinceParameter(since),
		Result: proto.Results{{Name: "project_id", Data: &projects}, {Name: "slug", Data: &slugs}, {Name: "environment", Data: &environments},
			{Name: "check_in_id", Data: &ids}, {Name: "release", Data: &releases}, {Name: "trace_id", Data: &traces}, {Name: "started", Data: &started}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range projects.Rows() {
				id := ids.Row(i)
				f(MonitorKey{projects.Row(i), slugs.Row(i)}, &monitor.Run{CheckInID: id[:], Environment: environments.Row(i),
					Release: releases.Row(i), TraceID: traces.Row(i), Started: time.UnixMilli(started.Row(i))})
			}
			return nil
		}})
	if err != nil {
		return fmt.Errorf("cannot read the runs under way: %w", err)
	}
	return nil
}

func sinceParameter(t time.Time) []proto.Parameter {
	return ch.Parameters(map[string]any{"since": strconv.FormatInt(max(t.UnixMilli(), 0), 10)})
}
