package queries

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// triageLog is what people said of the issues of a project and still stands.
// The view issue_state says the same in SQL, for people; a test compares both.
type triageLog struct {
	state map[uint64]standing
	who   map[uint64]string // To whom it is assigned.
	into  map[uint64]uint64 // Where a fingerprint belongs that was moved.
}

// standing is the newest action that says a state.
type standing struct {
	id         uuid.UUID
	root       uuid.UUID // Of ignore: the one that it carries on, see carryIgnores; else zero.
	action     string    // resolve, unresolve, ignore; empty for none.
	resolution string
	at         time.Time
	over       bool   // Of ignore: the time until which it holds is past.
	events     uint64 // Of ignore: this many events of the issue end it; 0 for none.
	users      uint64 // Of ignore: this many users end it; 0 for none.
}

// logged is an action of the log.
type logged struct {
	standing
	fingerprint, into uint64
	target            uuid.UUID
	assignee          string
}

// readLog reads step log: actions by fingerprint, oldest first.
func (a *asked) readLog(ctx context.Context) ([]logged, error) {
	var all []logged
	err := a.Rows(ctx, "log", func(r driver.Rows) error {
		var w logged
		var until time.Time
		var past uint8
		var events, users uint64
		err := r.Scan(&w.fingerprint, &w.id, &w.action, &w.at, &w.resolution, &until, &past, &w.events, &w.users, &events, &users, &w.assignee, &w.into, &w.target)
		w.over = past != 0 && until.Unix() > 0
		if w.events > 0 {
			w.events += events
		}
		if w.users > 0 {
			w.users += users
		}
		all = append(all, w)
		return err
	})
	return all, err
}

// standingOf is what still stands of these actions.
func standingOf(all []logged) *triageLog {
	undone := map[uuid.UUID]bool{}
	for _, w := range all {
		if w.action == "undo" {
			undone[w.target] = true
		}
	}
	log := &triageLog{map[uint64]standing{}, map[uint64]string{}, map[uint64]uint64{}}
	for _, w := range all {
		if undone[w.id] {
			continue
		}
		switch w.action {
		case Merge, Split:
			log.into[w.fingerprint] = w.into
		case Assign:
			log.who[w.fingerprint] = w.assignee
		case Resolve, Unresolve, Ignore:
			w.root = w.target
			log.state[w.fingerprint] = w.standing
		}
	}
	return log
}

// survivor is the issue that a fingerprint belongs to.
func (l *triageLog) survivor(f uint64) uint64 {
	if into, moved := l.into[f]; moved {
		return into
	}
	return f
}

// inRelease tells whether an event reopens the issue only in a release that the
// resolution does not cover.
func (s standing) inRelease() bool {
	return s.action == Resolve && (s.resolution == ResolvedInRelease || s.resolution == ResolvedInNextRelease)
}

// seen is what a state is computed from, beside what people said.
type seen struct {
	fresh    bool // First seen in the last seven days.
	last     time.Time
	events   uint64
	users    uint64 // Needed where users end an ignore.
	reopened bool   // Needed where it is resolved in a release.
}

// status is the state of an issue.
func (s standing) status(of seen) string {
	switch {
	case s.action == "" && of.fresh:
		return "new"
	case s.inRelease() && of.reopened, s.action == Resolve && !s.inRelease() && of.last.After(s.at):
		return "regressed"
	case s.action == Resolve:
		return "resolved"
	case s.action == Ignore && !s.over && (s.events == 0 || of.events < s.events) && (s.users == 0 || of.users < s.users):
		return "ignored"
	}
	return "ongoing"
}
