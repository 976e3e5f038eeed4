package queries

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"errata/queries/catalog"
	"errata/queries/standing"
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
	log, err := standing.Read(ctx, s.asking(list, map[string]string{"project": fmt.Sprint(project)}))
	if err != nil {
		return nil, fmt.Errorf("cannot read the triage log: %w", err)
	}
	before := standing.Of(log)
	for _, a := range actions {
		log = append(log, standing.Logged{Action: standing.Action{ID: a.id, Kind: a.kind}, Fingerprint: a.fingerprint, Into: a.into, Target: a.target})
	}
	after := standing.Of(log)
	var out []action
	for f, now := range after.State {
		if now.Kind != Ignore || now.Over || now.Events == 0 && now.Users == 0 || after.Survivor(f) != f {
			continue
		}
		members := after.Members(f)
		if now.ID == before.State[f].ID && slices.Equal(members, before.Members(f)) {
			continue
		}
		root := now.ID
		if now.Root != (uuid.UUID{}) {
			root = now.Root
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
		if (now.Events == 0 || now.Events == c.baseEvents+c.untilEvents) && (now.Users == 0 || now.Users == c.baseUsers+c.untilUsers) {
			continue
		}
		if c.id, err = uuid.NewV7(); err != nil {
			return nil, fmt.Errorf("cannot make an action id: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}
