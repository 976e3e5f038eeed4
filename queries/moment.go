package queries

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// base is what an issue was when somebody acted on it.
type base struct {
	events, users uint64
	newest        string // Release of its package.
}

func (s *Store) base(ctx context.Context, project uint32, fingerprints []uint64) (map[uint64]base, error) {
	r, err := s.Run(ctx, "triage_base", map[string]string{"project": fmt.Sprint(project), "fingerprints": hexList(fingerprints)})
	if err != nil {
		return nil, err
	}
	out := map[uint64]base{}
	for _, row := range r.Rows {
		out[row[0].(uint64)] = base{row[1].(uint64), row[2].(uint64), row[3].(string)}
	}
	return out, nil
}

// moment is when actions on these issues are, by the clock of the store. What
// is resolved is so from its newest event on: clocks of clients may be a minute
// ahead, and an event that is there is none that came again.
func (s *Store) moment(ctx context.Context, project uint32, kind string, actions []action) (time.Time, error) {
	var fingerprints []uint64
	for _, a := range actions[:min(len(actions), 3*maxBulk)] { // A parameter has its bound; a merge may have brought more.
		fingerprints = append(fingerprints, a.fingerprint)
	}
	r, err := s.Run(ctx, "triage_moment", map[string]string{"project": fmt.Sprint(project), "fingerprints": hexList(fingerprints)})
	if err != nil {
		return time.Time{}, err
	}
	if len(r.Rows) != 1 {
		return time.Time{}, errors.New("cannot ask the store for its time: no row came")
	}
	at, seen := r.Rows[0][0].(time.Time), r.Rows[0][1].(time.Time)
	if kind == Resolve && seen.After(at) {
		return seen, nil
	}
	return at, nil
}
