package queries

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"errata/queries/catalog"
)

// carryIgnores are the ignores that go on from other counts because these
// actions change which fingerprints belong to their issues. "Until N more
// events" is N more since it was ignored, over all that belongs to the issue:
// what a merge brings along from before ends nothing, and what a split takes
// away must not come again first.
func (s *Store) carryIgnores(ctx context.Context, project uint32, actions []action) ([]action, error) {
	list, err := catalog.Lookup("issue_list")
	if err != nil {
		return nil, err
	}
	a := s.asked(list, map[string]string{"project": fmt.Sprint(project)})
	log, err := a.readLog(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the triage log: %w", err)
	}
	before := standingOf(log)
	for _, a := range actions {
		log = append(log, logged{standing: standing{id: a.id, action: a.kind}, fingerprint: a.fingerprint, into: a.into, target: a.target})
	}
	after := standingOf(log)
	var out []action
	for f, now := range after.state {
		if now.action != Ignore || now.over || now.events == 0 && now.users == 0 || after.survivor(f) != f {
			continue
		}
		members := after.members(f)
		if now.id == before.state[f].id && slices.Equal(members, before.members(f)) {
			continue
		}
		root := now.id
		if now.root != (uuid.UUID{}) {
			root = now.root
		}
		r, err := s.Run(ctx, "triage_since", map[string]string{"project": fmt.Sprint(project), "id": root.String(), "fingerprints": hexList(members)})
		if err != nil {
			return nil, err
		}
		if len(r.Rows) != 1 {
			return nil, fmt.Errorf("cannot carry on an ignore of issue %016x: action %s is not in the log", f, root)
		}
		c := action{kind: Ignore, fingerprint: f, target: root, comment: "counted from when it was ignored, over what belongs to the issue now"}
		row := r.Rows[0]
		c.until, c.untilEvents, c.untilUsers, c.baseEvents, c.baseUsers = row[0].(time.Time), row[1].(uint64), row[2].(uint64), row[3].(uint64), row[4].(uint64)
		if (now.events == 0 || now.events == c.baseEvents+c.untilEvents) && (now.users == 0 || now.users == c.baseUsers+c.untilUsers) {
			continue
		}
		if c.id, err = uuid.NewV7(); err != nil {
			return nil, fmt.Errorf("cannot make an action id: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// members are the fingerprints of an issue, in order.
func (l *triageLog) members(f uint64) []uint64 {
	var out []uint64
	if l.survivor(f) == f {
		out = append(out, f)
	}
	for g, into := range l.into {
		if into == f && g != f {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return out
}
