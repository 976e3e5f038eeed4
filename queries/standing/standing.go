// Package standing knows what still stands of the triage log, and which state an
// issue has by it. In: the log's actions, and what was seen of the issue. Out: its
// state, its assignee, the issue that a fingerprint belongs to. Who asks and who
// writes is not its matter.
package standing

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"errata/queries/asking"
)

// Kinds of actions that decide where an issue stands.
const (
	Resolve   = "resolve"
	Unresolve = "unresolve"
	Ignore    = "ignore"
	Assign    = "assign"
	Merge     = "merge"
	Split     = "split"
	Undo      = "undo"
)

// Resolutions that an event outlives which is of a release they cover.
const (
	InRelease     = "in_release"
	InNextRelease = "in_next_release"
)

// Log is what people said of the issues of a project and still stands.
// The view issue_state says the same in SQL, for people; a test compares both.
type Log struct {
	State map[uint64]Action
	Who   map[uint64]string // To whom it is assigned.
	Into  map[uint64]uint64 // Where a fingerprint belongs that was moved.
}

// Action is the newest action that says a state.
type Action struct {
	ID         uuid.UUID
	Root       uuid.UUID // Of ignore: the one that it carries on; else zero.
	Kind       string    // Resolve, Unresolve, Ignore; empty for none.
	Resolution string
	At         time.Time
	Over       bool   // Of ignore: the time until which it holds is past.
	Events     uint64 // Of ignore: this many events of the issue end it; 0 for none.
	Users      uint64 // Of ignore: this many users end it; 0 for none.
}

// Logged is an action of the log.
type Logged struct {
	Action
	Fingerprint, Into uint64
	Target            uuid.UUID
	assignee          string
}

// Read reads step log of a query: actions by fingerprint, oldest first.
func Read(ctx context.Context, a *asking.Asking) ([]Logged, error) {
	var all []Logged
	err := a.Rows(ctx, "log", func(r driver.Rows) error {
		var w Logged
		var until time.Time
		var past uint8
		var events, users uint64
		err := r.Scan(&w.Fingerprint, &w.ID, &w.Kind, &w.At, &w.Resolution, &until, &past, &w.Events, &w.Users, &events, &users, &w.assignee, &w.Into, &w.Target)
		w.Over = past != 0 && until.Unix() > 0
		if w.Events > 0 {
			w.Events += events
		}
		if w.Users > 0 {
			w.Users += users
		}
		all = append(all, w)
		return err
	})
	return all, err
}

// Of is what still stands of these actions.
func Of(all []Logged) *Log {
	undone := map[uuid.UUID]bool{}
	for _, w := range all {
		if w.Kind == Undo {
			undone[w.Target] = true
		}
	}
	log := &Log{map[uint64]Action{}, map[uint64]string{}, map[uint64]uint64{}}
	for _, w := range all {
		if undone[w.ID] {
			continue
		}
		switch w.Kind {
		case Merge, Split:
			log.Into[w.Fingerprint] = w.Into
		case Assign:
			log.Who[w.Fingerprint] = w.assignee
		case Resolve, Unresolve, Ignore:
			w.Root = w.Target
			log.State[w.Fingerprint] = w.Action
		}
	}
	return log
}

// Survivor is the issue that a fingerprint belongs to.
func (l *Log) Survivor(f uint64) uint64 {
	if into, moved := l.Into[f]; moved {
		return into
	}
	return f
}

// Members are the fingerprints of an issue, in order.
func (l *Log) Members(f uint64) []uint64 {
	var out []uint64
	if l.Survivor(f) == f {
		out = append(out, f)
	}
	for g, into := range l.Into {
		if into == f && g != f {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return out
}

// InRelease tells whether an event reopens the issue only in a release that the
// resolution does not cover.
func (a Action) InRelease() bool {
	return a.Kind == Resolve && (a.Resolution == InRelease || a.Resolution == InNextRelease)
}

// Seen is what a state is computed from, beside what people said.
type Seen struct {
	Fresh    bool // First seen in the last seven days.
	Last     time.Time
	Events   uint64
	Users    uint64 // Needed where users end an ignore.
	Reopened bool   // Needed where it is resolved in a release.
}

// Status is the state of an issue.
func (a Action) Status(of Seen) string {
	switch {
	case a.Kind == "" && of.Fresh:
		return "new"
	case a.InRelease() && of.Reopened, a.Kind == Resolve && !a.InRelease() && of.Last.After(a.At):
		return "regressed"
	case a.Kind == Resolve:
		return "resolved"
	case a.Kind == Ignore && !a.Over && (a.Events == 0 || of.Events < a.Events) && (a.Users == 0 || of.Users < a.Users):
		return "ignored"
	}
	return "ongoing"
}
