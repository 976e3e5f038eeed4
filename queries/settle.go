package queries

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"errata/queries/standing"
)

// appendActions writes a change, and what has to follow it.
func (s *Store) appendActions(ctx context.Context, c Change, kind string, actions []action) (Done, error) {
	done, err := s.write(ctx, c, kind, actions, uuid.Nil)
	if err != nil || kind != Merge && kind != Split && kind != standing.Undo {
		return done, err
	}
	id := done.Bulk
	if id == uuid.Nil {
		id = done.Actions[0]
	}
	if done.Followed, err = s.settle(ctx, c, id, actions); err != nil {
		err = fmt.Errorf("cannot look for what was merged at the same time, the action itself is stored: %w", err)
	}
	return done, err
}

// settle ends what two people who merge at the same time leave, and who takes back a
// split of what was merged on since: fingerprints of an issue that itself belongs to
// another one. They would be shown as an issue that nobody can act on. Each moves on
// to where its issue went; of issues that belong to each other the smallest stays.
// Whoever wrote last sees all, and what two of them do about it is the same. What it
// appends is taken back with the change that it follows, which id names.
func (s *Store) settle(ctx context.Context, c Change, id uuid.UUID, moved []action) ([]uuid.UUID, error) {
	ask := make([]uint64, 0, 2*len(moved))
	for _, a := range moved {
		ask = append(ask, a.fingerprint)
	}
	var out []uuid.UUID
	const most = 10 // Of them once more than anybody has seen.
	for range most {
		into, err := s.whole(ctx, c.Project, ask)
		if err != nil {
			return out, err
		}
		var merge, split []action
		for _, f := range slices.Sorted(maps.Keys(into)) {
			switch root := rootOf(into, f); root {
			case into[f]:
			case f:
				split = append(split, action{fingerprint: f, into: f})
			default:
				merge = append(merge, action{fingerprint: f, into: root})
			}
		}
		if len(merge) == 0 && len(split) == 0 {
			break
		}
		for kind, actions := range map[string][]action{Merge: merge, Split: split} {
			if len(actions) == 0 {
				continue
			}
			for _, a := range actions {
				ask = append(ask, a.fingerprint)
			}
			done, err := s.write(ctx, Change{Project: c.Project, Actor: c.Actor}, kind, actions, id)
			if out = append(out, done.Actions...); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// whole maps these fingerprints, and all that belong together with them, to where
// the log says that they belong.
func (s *Store) whole(ctx context.Context, project uint32, ask []uint64) (map[uint64]uint64, error) {
	out := map[uint64]uint64{}
	for known := map[uint64]bool{}; len(ask) > 0; {
		for _, f := range ask {
			known[f] = true
		}
		// A parameter has its bound.
		for part := range slices.Chunk(ask, 3*maxBulk) {
			found, err := s.members(ctx, project, part)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, found)
		}
		ask = nil
		for f, into := range out {
			for _, next := range []uint64{f, into} {
				if !known[next] {
					known[next] = true
					ask = append(ask, next)
				}
			}
		}
	}
	return out, nil
}

// rootOf is where a fingerprint belongs in the end.
func rootOf(into map[uint64]uint64, f uint64) uint64 {
	path := []uint64{f}
	for {
		next, ok := into[path[len(path)-1]]
		if !ok || next == path[len(path)-1] {
			return path[len(path)-1]
		}
		if at := slices.Index(path, next); at >= 0 {
			return slices.Min(path[at:])
		}
		path = append(path, next)
	}
}
