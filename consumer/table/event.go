package table

import "errata/schema"

// Counted is how an event counts: decided from the records before it.
type Counted struct {
	Weight      uint32
	TwinOf      [16]byte // Zero where the row counts itself.
	Fingerprint uint64   // A twin's is that of the event that counts.
}

// Event appends a row of events.
func (s *Set) Event(o *Origin, e *schema.Event, n Counted) {
	t := s.events
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Millis(e.Timestamp)
	t.cell().Uint(n.Fingerprint)
	t.cell().Bytes(e.EventId)
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetention))
	t.cell().Uints(e.Hashes)
	t.cell().Uint(e.MainHash)
	t.cell().Text(e.GroupingVersion)
	t.cell().Text(e.DecidingComponent)
	t.cell().Text(e.GroupingReason)
	t.cell().Uint(uint64(n.Weight))
	t.cell().Bytes(n.TwinOf[:])
	t.cell().Uint(uint64(e.Folded))
	t.cell().Uint(uint64(e.Protocol))
	t.cell().Text(e.Type)
	t.cell().Uint(uint64(e.Level))
	t.cell().Text(e.Platform)
	t.cell().Text(e.SdkName)
	t.cell().Text(e.SdkVersion)
	t.cell().Text(e.Service)
	t.cell().Text(e.Environment)
	t.cell().Text(e.Release)
	t.cell().Text(e.Dist)
	t.cell().Text(e.ServerName)
	t.cell().Text(e.Transaction)
	t.cell().Text(e.Logger)
	t.cell().Text(e.Title)
	t.cell().Text(e.Culprit)
	t.cell().Text(e.Message)
	t.cell().Text(e.ExceptionType)
	t.cell().Text(e.ExceptionValue)
	t.cell().Uint(uint64(e.Handled))
	t.cell().Text(e.Mechanism)
	t.cell().Texts(e.FramesFunction)
	t.cell().Texts(e.FramesFile)
	t.cell().Uints32(e.FramesLine)
	t.cell().Bools(e.FramesInApp)
	t.cell().Text(e.UserId)
	t.cell().Uint(e.UserHash)
	t.cell().Uints(e.UserHashes)
	t.cell().Text(e.UserIp)
	t.cell().Text(e.UserEmail)
	t.cell().Text(e.UserName)
	t.cell().Text(e.Country)
	t.cell().Text(e.HttpMethod)
	t.cell().Uint(uint64(e.HttpStatus))
	t.cell().Text(e.Url)
	t.cell().Text(e.TraceId)
	t.cell().Text(e.SpanId)
	t.cell().Bool(e.TraceSampled)
	t.cell().Text(e.ReplayId)
	t.cell().Text(e.TaskName)
	t.cell().Text(e.TaskId)
	t.cell().Uint(uint64(e.TaskRetries))
	t.cell().Text(e.EventName)
	t.cell().Uint(uint64(e.Redactions))
	t.cell().Uint(uint64(e.PayloadBytes))
	t.cell().Uint(uint64(o.Partition))
	t.cell().Int(o.Offset)
	t.cell().Tags(e.Tags)
	t.kept(o.Pack, e.Payload)
	t.cell().Text(e.OuterSpanId)
	t.end()
}

// Attachment appends a row of attachments.
func (s *Set) Attachment(o *Origin, a *schema.Attachment) {
	t := s.attachments
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Bytes(a.EventId)
	t.cell().Millis(or(a.Timestamp, o.ReceivedAt))
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetention))
	t.cell().Text(a.Name)
	t.cell().Text(a.Type)
	t.cell().Text(a.ContentType)
	t.cell().Text(a.ItemType)
	t.cell().Uint(a.Size)
	t.cell().Text(a.Key)
	t.cell().Text(a.TraceId)
	t.end()
}

// Feedback appends a row of feedback.
func (s *Set) Feedback(o *Origin, f *schema.Feedback) {
	t := s.feedback
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Bytes(f.FeedbackId)
	t.cell().Bytes(f.EventId)
	t.cell().Millis(or(f.Timestamp, o.ReceivedAt))
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetention))
	t.cell().Text(f.Name)
	t.cell().Text(f.Email)
	t.cell().Text(f.Message)
	t.cell().Text(f.Url)
	t.cell().Text(f.Source)
	t.cell().Text(f.Environment)
	t.cell().Text(f.Release)
	t.cell().Text(f.TraceId)
	t.cell().Text(f.ReplayId)
	t.end()
}

// or returns v, or fallback where v is zero: tables are partitioned by time.
func or(v, fallback int64) int64 {
	if v == 0 {
		return fallback
	}
	return v
}
