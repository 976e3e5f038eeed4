package table

import "errata/schema"

// Sum is one row of the ledger: items of one fate in one minute.
type Sum struct {
	ProjectID uint32
	Minute    int64 // Unix milliseconds of the minute's start.
	Category  string
	Outcome   string
	Reason    string
	Protocol  schema.Protocol
	Quantity  uint64
	Bytes     uint64
}

// Outcome appends a row of outcomes.
func (s *Set) Outcome(x *Sum) {
	t := s.outcomes
	t.cell().Uint(uint64(x.ProjectID))
	t.cell().Millis(x.Minute)
	t.cell().Text(x.Category)
	t.cell().Text(x.Outcome)
	t.cell().Text(x.Reason)
	t.cell().Uint(uint64(x.Protocol))
	t.cell().Uint(x.Quantity)
	t.cell().Uint(x.Bytes)
	t.end()
}

// Fate is what became of one event that is not a row of events.
type Fate struct {
	ProjectID uint32
	EventID   []byte
	At        int64 // received_at of the record, Unix milliseconds.
	Category  string
	Outcome   string
	Reason    string
	Detail    string
	Protocol  schema.Protocol
}

// Fate appends a row of event_outcomes.
func (s *Set) Fate(x *Fate) {
	t := s.fates
	t.cell().Uint(uint64(x.ProjectID))
	t.cell().Bytes(x.EventID)
	t.cell().Millis(x.At)
	t.cell().Text(x.Category)
	t.cell().Text(x.Outcome)
	t.cell().Text(x.Reason)
	t.cell().Text(x.Detail)
	t.cell().Uint(uint64(x.Protocol))
	t.end()
}

// Replayed appends a row of replayed: the record was a dead letter before.
func (s *Set) Replayed(o *Origin, topic string, letter uint64) {
	t := s.replayed
	t.cell().Text(topic)
	t.cell().Uint(uint64(o.Partition))
	t.cell().Int(o.Offset)
	t.cell().Uint(letter)
	t.cell().Millis(o.ReceivedAt)
	t.end()
}
