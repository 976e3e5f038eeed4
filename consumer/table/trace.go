package table

import "errata/schema"

// Span appends a row of spans.
func (s *Set) Span(o *Origin, x *schema.Span) {
	t := s.spans
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Micros(x.StartUs)
	t.cell().Text(x.TraceId)
	t.cell().Text(x.SpanId)
	t.cell().Text(x.ParentSpanId)
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetentionTrace))
	t.cell().Uint(uint64(x.Protocol))
	t.cell().Text(x.Service)
	t.cell().Text(x.Op)
	t.cell().Text(x.Name)
	t.cell().Uint(uint64(x.Kind))
	t.cell().Bool(x.IsSegment)
	t.cell().Text(x.SegmentName)
	t.cell().Uint(x.DurationUs)
	t.cell().Uint(uint64(x.Status))
	t.cell().Text(x.StatusMessage)
	t.cell().Text(x.Environment)
	t.cell().Text(x.Release)
	t.cell().Text(x.ServerName)
	t.cell().Uint(uint64(x.HttpStatus))
	t.cell().Text(x.SdkName)
	t.cell().Text(x.ScopeName)
	t.cell().Text(x.ScopeVersion)
	t.cell().Uint(x.UserHash)
	t.cell().Float(weightOf(x.SampleWeight))
	t.cell().Text(x.TraceState)
	t.cell().Bytes(x.EventId)
	t.cell().Tags(x.Attributes)
	t.cell().Tags(x.Resource)
	values, units := t.cell(), t.cell()
	for _, m := range x.Measurements {
		values.Key().Text(m.Name)
		values.Elem().Float(m.Value)
		units.Key().Text(m.Name)
		units.Elem().Text(m.Unit)
	}
	values.End()
	units.End()
	at, name, attributes := t.cell(), t.cell(), t.cell()
	for _, e := range x.Events {
		at.Elem().Micros(e.TimeUs)
		name.Elem().Text(e.Name)
		attributes.Elem().Tags(e.Attributes)
	}
	at.End()
	name.End()
	attributes.End()
	trace, span, attributes := t.cell(), t.cell(), t.cell()
	for _, l := range x.Links {
		trace.Elem().Text(l.TraceId)
		span.Elem().Text(l.SpanId)
		attributes.Elem().Tags(l.Attributes)
	}
	trace.End()
	span.End()
	attributes.End()
	t.cell().Uint(uint64(o.Partition))
	t.cell().Int(o.Offset)
	t.end()
}

// weightOf reads 0, the default of the wire, as one span for one span.
func weightOf(w float32) float64 {
	if w == 0 {
		return 1
	}
	return float64(w)
}

// Log appends a row of logs.
func (s *Set) Log(o *Origin, l *schema.Log) {
	t := s.logs
	t.cell().Uint(uint64(o.ProjectID))
	t.cell().Micros(l.TimeUs)
	t.cell().Bytes(l.LogId)
	t.cell().Millis(o.ReceivedAt)
	t.cell().Uint(o.retention(defaultRetentionTrace))
	t.cell().Uint(uint64(l.Protocol))
	t.cell().Text(l.Service)
	t.cell().Uint(uint64(l.Severity))
	t.cell().Text(l.SeverityText)
	t.cell().Text(l.Body)
	t.cell().Text(l.EventName)
	t.cell().Text(l.Environment)
	t.cell().Text(l.Release)
	t.cell().Text(l.ServerName)
	t.cell().Text(l.ScopeName)
	t.cell().Text(l.TraceId)
	t.cell().Text(l.SpanId)
	t.cell().Uint(l.Fingerprint)
	t.cell().Tags(l.Attributes)
	t.cell().Tags(l.Resource)
	t.cell().Uint(uint64(o.Partition))
	t.cell().Int(o.Offset)
	t.end()
}
