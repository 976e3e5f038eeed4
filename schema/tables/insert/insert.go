// Package insert holds the INSERT statements of the consumer, with their
// ordered column lists. In: the name of a table. Out: its statement and its
// columns. It never talks to a server.
package insert

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.sql
var files embed.FS

// Tables that the consumer writes to.
const (
	Events        = "events"
	Spans         = "spans"
	Logs          = "logs"
	Sessions      = "sessions"
	CheckIns      = "check_ins"
	Monitors      = "monitors"
	Metrics       = "metrics"
	Attachments   = "attachments"
	Feedback      = "feedback"
	Outcomes      = "outcomes"
	EventOutcomes = "event_outcomes"
	Replayed      = "replayed"
)

// All lists the tables in the order of insertion: what people look for first,
// the ledger last.
var All = []string{Events, Spans, Logs, Sessions, CheckIns, Monitors, Metrics, Attachments, Feedback, EventOutcomes, Replayed, Outcomes}

// Statement is one INSERT without its values.
type Statement struct {
	Table   string
	SQL     string
	Columns []string // In the order in which values are given.
}

// Load returns the statement of a table of All.
func Load(table string) (Statement, error) {
	raw, err := files.ReadFile(table + ".sql")
	if err != nil {
		return Statement{}, fmt.Errorf("cannot read the insert of %s: %w", table, err)
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	sql := strings.Join(lines, " ")
	_, rest, _ := strings.Cut(sql, "(")
	list, _, ok := strings.Cut(rest, ")")
	if !ok {
		return Statement{}, fmt.Errorf("cannot read the insert of %s: it has no column list", table)
	}
	s := Statement{Table: table, SQL: strings.TrimSpace(sql)}
	for name := range strings.SplitSeq(list, ",") {
		s.Columns = append(s.Columns, strings.TrimSpace(name))
	}
	return s, nil
}
