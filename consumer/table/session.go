package table

import "errata/schema"

// Session appends a row of sessions: an update, or a bucket. Init and quantity are
// what it counts for.
func (s *Set) Session(o *Origin, x *schema.Session, init bool, quantity uint32) {
	t := s.sessions
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Millis(or(x.Started, o.ReceivedAt))
	t.cell().Millis(or(x.Timestamp, o.ReceivedAt))
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetention))
	t.cell().Bytes(x.SessionId)
	t.cell().Uint(x.UserHash)
	t.cell().Uint(x.Seq)
	t.cell().Bool(init)
	t.cell().Uint(uint64(x.Status))
	t.cell().Uint(uint64(x.Errors))
	t.cell().Uint(uint64(quantity))
	t.cell().Uint(uint64(x.DurationMs))
	t.cell().Text(x.Environment)
	t.cell().Text(x.Release)
	t.cell().Text(x.SdkName)
	t.cell().Text(x.Os)
	t.cell().Uint(uint64(o.Partition))
	t.cell().Int(o.Offset)
	t.end()
}

// CheckIn appends a row of check_ins.
func (s *Set) CheckIn(o *Origin, x *schema.CheckIn) {
	t := s.checkIns
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Bytes(x.CheckInId)
	t.cell().Text(x.Monitor)
	t.cell().Text(x.Status)
	t.cell().Millis(or(x.Timestamp, o.ReceivedAt))
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetention))
	t.cell().Uint(x.DurationMs)
	t.cell().Text(x.Environment)
	t.cell().Text(x.Release)
	t.cell().Text(x.TraceId)
	t.cell().Millis(x.ExpectedAt)
	t.end()
}

// Monitor appends a row of monitors.
func (s *Set) Monitor(o *Origin, x *schema.Monitor) {
	t := s.monitors
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Text(x.Slug)
	t.cell().Text(x.ScheduleType)
	t.cell().Text(x.Schedule)
	t.cell().Uint(uint64(x.CheckinMarginMin))
	t.cell().Uint(uint64(x.MaxRuntimeMin))
	t.cell().Text(x.Timezone)
	t.cell().Uint(uint64(x.FailureIssueThreshold))
	t.cell().Uint(uint64(x.RecoveryThreshold))
	t.cell().Millis(or(x.UpdatedAt, o.ReceivedAt))
	t.end()
}

// Metric appends a row of metrics.
func (s *Set) Metric(o *Origin, x *schema.Metric) {
	t := s.metrics
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Micros(or(x.TimeUs, o.ReceivedAt*1000))
	t.cell().Micros(x.StartUs)
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetention))
	t.cell().Uint(uint64(x.Protocol))
	t.cell().Text(x.Name)
	t.cell().Text(x.Type)
	t.cell().Text(x.Unit)
	t.cell().Float(x.Value)
	t.cell().Uint(x.Count)
	t.cell().Float(x.Min)
	t.cell().Float(x.Max)
	t.cell().Floats(x.Bounds)
	t.cell().Uints(x.Buckets)
	t.cell().Bool(x.Monotonic)
	t.cell().Uint(uint64(x.Temporality))
	t.cell().Text(x.Service)
	t.cell().Text(x.Environment)
	t.cell().Text(x.Release)
	t.cell().Text(x.TraceId)
	t.cell().Text(x.SpanId)
	t.cell().Tags(x.Attributes)
	t.cell().Tags(x.Resource)
	t.cell().Uint(x.MetricId)
	t.cell().Uint(uint64(o.Partition))
	t.cell().Int(o.Offset)
	t.end()
}
