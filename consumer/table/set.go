package table

import (
	"errata/consumer/column"
	"errata/schema"
	"errata/schema/tables/insert"
)

// Days that rows are kept where their record names no class.
const (
	defaultRetention      = 90 // Events and what comes with them.
	defaultRetentionTrace = 30 // Spans and logs.
)

// Origin is what all rows of a record share.
type Origin struct {
	ProjectID     uint32
	ReceivedAt    int64 // Unix milliseconds.
	RetentionDays uint32
	Partition     int
	Offset        int64
	Pack          *column.Pack // What the record lies in; nil where that is not worth keeping.
}

func (o *Origin) retention(fallback uint32) uint64 {
	if o.RetentionDays == 0 {
		return uint64(fallback)
	}
	return uint64(o.RetentionDays)
}

// Set is one block: rows for any of the tables.
type Set struct {
	tables map[string]*Table
	order  []*Table

	events, spans, logs, sessions, checkIns, monitors *Table
	metrics, attachments, feedback, outcomes, fates   *Table
	replayed                                          *Table
}

// NewSet returns an empty block, checked against the types of the server.
func NewSet(types Types) (*Set, error) {
	s := &Set{tables: map[string]*Table{}}
	for _, name := range insert.All {
		t, err := newTable(name, types)
		if err != nil {
			return nil, err
		}
		s.tables[name] = t
		s.order = append(s.order, t)
	}
	s.events, s.spans, s.logs = s.tables[insert.Events], s.tables[insert.Spans], s.tables[insert.Logs]
	s.sessions, s.checkIns, s.monitors = s.tables[insert.Sessions], s.tables[insert.CheckIns], s.tables[insert.Monitors]
	s.metrics, s.attachments, s.feedback = s.tables[insert.Metrics], s.tables[insert.Attachments], s.tables[insert.Feedback]
	s.outcomes, s.fates = s.tables[insert.Outcomes], s.tables[insert.EventOutcomes]
	s.replayed = s.tables[insert.Replayed]

	o := &Origin{}
	tag := []*schema.Tag{{}}
	for _, c := range []struct {
		t *Table
		f func()
	}{
		{s.events, func() { s.Event(o, &schema.Event{Tags: tag}, Counted{}) }},
		{s.spans, func() {
			s.Span(o, &schema.Span{Attributes: tag, Events: []*schema.SpanEvent{{Attributes: tag}},
				Links: []*schema.SpanLink{{Attributes: tag}}, Measurements: []*schema.Measurement{{}}})
		}},
		{s.logs, func() { s.Log(o, &schema.Log{Attributes: tag}) }},
		{s.sessions, func() { s.Session(o, &schema.Session{}, false, 1) }},
		{s.checkIns, func() { s.CheckIn(o, &schema.CheckIn{}) }},
		{s.monitors, func() { s.Monitor(o, &schema.Monitor{}) }},
		{s.metrics, func() { s.Metric(o, &schema.Metric{Attributes: tag}) }},
		{s.attachments, func() { s.Attachment(o, &schema.Attachment{}) }},
		{s.feedback, func() { s.Feedback(o, &schema.Feedback{}) }},
		{s.outcomes, func() { s.Outcome(&Sum{}) }},
		{s.fates, func() { s.Fate(&Fate{}) }},
		{s.replayed, func() { s.Replayed(o, "", 0) }},
	} {
		if err := c.t.check(c.f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Tables are all tables in the order of insertion; many may be empty.
func (s *Set) Tables() []*Table { return s.order }

// Table returns a table by name.
func (s *Set) Table(name string) *Table { return s.tables[name] }

// Rows is the number of rows in all tables.
func (s *Set) Rows() int {
	n := 0
	for _, t := range s.order {
		n += t.rows
	}
	return n
}

// Size is the number of bytes in all tables.
func (s *Set) Size() int {
	n := 0
	for _, t := range s.order {
		n += t.Size()
	}
	return n
}

// Reset forgets the rows and keeps the memory.
func (s *Set) Reset() {
	for _, t := range s.order {
		t.Reset()
	}
}
