package schema

// Which category a row counts in. Edge and consumer use the same functions, so
// that what the edge accepted and what the consumer stored can be compared.
// A row that returns the empty string is part of another row's item and is
// not counted itself.

// Category of an event: reports of browsers and feedback have their own.
func (x *Event) Category() string {
	switch x.GetType() {
	case "csp", "hpkp", "expectct", "expectstaple", "nel":
		return CategorySecurity
	case "feedback":
		return CategoryFeedback
	}
	return CategoryError
}

// Category of a span: the segment that carries a transaction's event id is the
// transaction; all others are spans.
func (x *Span) Category() string {
	if x.GetIsSegment() && len(x.GetEventId()) > 0 {
		return CategoryTransaction
	}
	return CategorySpan
}

// Category of an attachment row, by the item that brought it.
func (x *Attachment) Category() string {
	switch x.GetItemType() {
	case "profile", "profile_chunk", "profile_chunk_ui":
		return CategoryProfile
	case "replay_event", "replay_recording", "replay_video":
		return CategoryReplay
	}
	return CategoryAttachment
}

// Category of feedback: with a feedback_id it came as an event, which is
// counted; without one it is a user report and counts itself.
func (x *Feedback) Category() string {
	if len(x.GetFeedbackId()) > 0 {
		return ""
	}
	return CategoryFeedback
}

// Category of a log record.
func (x *Log) Category() string { return CategoryLog }

// Category of a session update or bucket; a row counts once whatever its
// quantity is.
func (x *Session) Category() string { return CategorySession }

// Category of a check-in.
func (x *CheckIn) Category() string { return CategoryMonitor }

// Category of a monitor's configuration: it belongs to its check-in.
func (x *Monitor) Category() string { return "" }

// Category of a metric.
func (x *Metric) Category() string { return CategoryMetric }
