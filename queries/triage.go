package queries

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"errata/queries/catalog"
	"errata/queries/standing"
)

// Kinds of a change.
const (
	Resolve   = standing.Resolve
	Unresolve = standing.Unresolve
	Ignore    = standing.Ignore
	Assign    = standing.Assign
	Comment   = "comment"
	Priority  = "priority"
	Owner     = "owner"
	Merge     = standing.Merge
	Split     = standing.Split
)

// How an issue is resolved.
const (
	ResolvedNow           = "now"
	ResolvedInRelease     = standing.InRelease
	ResolvedInNextRelease = standing.InNextRelease
)

// ErrTriage is returned for a change that makes no sense.
var ErrTriage = errors.New("wrong triage action")

// Limits of one change.
const (
	maxBulk    = 1000
	maxActor   = 200
	maxComment = 8192
)

// Change is one triage action on one or many issues of a project. It is
// appended to the log; state is computed from it.
type Change struct {
	Project     uint32
	Issues      []string // 16 hex digits each; of split: the fingerprints that leave.
	Actor       string   // Who: always given.
	Kind        string
	Resolution  string    // Of resolve; empty means now.
	Release     string    // Of resolve in_release.
	Until       time.Time // Of ignore; zero for none.
	UntilEvents uint64    // Of ignore: until this many more events; 0 for none.
	UntilUsers  uint64    // Of ignore: until this many more users; 0 for none.
	Assignee    string    // Of assign; empty for nobody.
	Owner       string    // Of owner.
	Priority    string    // Of priority: low, medium, high.
	Into        string    // Of merge: the issue that stays.
	Comment     string    // Of any.
}

// action is one row of the log.
type action struct {
	kind        string
	id          uuid.UUID
	fingerprint uint64
	comment     string
	until       time.Time // Of ignore, as in Change.
	untilEvents uint64
	untilUsers  uint64
	release     string // Of resolve.
	resolution  string
	baseEvents  uint64
	baseUsers   uint64
	into        uint64
	target      uuid.UUID
}

// Done is what a change wrote to the log.
type Done struct {
	Actions []uuid.UUID // One of each issue; what they entail is in the log too.
	Bulk    uuid.UUID   // By which Undo takes all of them back; zero where it was one.
	// Followed are moves that it made necessary: see settle. Undo takes them back with it.
	Followed []uuid.UUID
}

// Triage appends a change. All actions of one change share one time and one bulk
// id, by which Undo takes them back together. s needs the right to insert into the log: user triage or errata.
func (s *Store) Triage(ctx context.Context, c Change) (Done, error) {
	fingerprints, err := c.check()
	if err != nil {
		return Done{}, err
	}
	known, err := s.known(ctx, c.Project, fingerprints)
	if err != nil {
		return Done{}, err
	}
	for _, f := range fingerprints {
		if !known[f] {
			return Done{}, fmt.Errorf("cannot %s issue %016x: %w: project %d has no such issue", c.Kind, f, ErrTriage, c.Project)
		}
	}
	if c.Kind != Merge && c.Kind != Split {
		if fingerprints, err = s.survivors(ctx, c.Project, fingerprints); err != nil {
			return Done{}, err
		}
	}
	actions, err := s.plan(ctx, &c, fingerprints)
	if err != nil {
		return Done{}, err
	}
	return s.appendActions(ctx, c, c.Kind, actions)
}

// survivors are the issues that fingerprints belong to, each once: what is said
// of one that was merged is said of the issue, else nobody would see it.
func (s *Store) survivors(ctx context.Context, project uint32, fingerprints []uint64) ([]uint64, error) {
	members, err := s.members(ctx, project, fingerprints)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, f := range fingerprints {
		if of := members[f]; !slices.Contains(out, of) {
			out = append(out, of)
		}
	}
	return out, nil
}

// check is what can be said without asking the store.
func (c *Change) check() ([]uint64, error) {
	fail := func(form string, args ...any) ([]uint64, error) {
		return nil, fmt.Errorf("cannot %s: %w: %s", c.Kind, ErrTriage, fmt.Sprintf(form, args...))
	}
	c.Actor = strings.TrimSpace(c.Actor)
	switch {
	case !slices.Contains([]string{Resolve, Unresolve, Ignore, Assign, Comment, Priority, Owner, Merge, Split}, c.Kind):
		return nil, fmt.Errorf("cannot triage: %w: there is no action %q", ErrTriage, c.Kind)
	case c.Project == 0:
		return fail("the project must be given")
	case c.Actor == "" || len(c.Actor) > maxActor:
		return fail("an actor of 1 to %d bytes must be given", maxActor)
	case len(c.Issues) == 0 || len(c.Issues) > maxBulk:
		return fail("1 to %d issues must be given", maxBulk)
	case len(c.Comment) > maxComment:
		return fail("a comment is at most %d bytes", maxComment)
	case len(c.Release) > 200 || len(c.Assignee) > maxActor || len(c.Owner) > maxActor:
		return fail("release, assignee and owner are at most 200 bytes")
	case c.Kind == Comment && strings.TrimSpace(c.Comment) == "":
		return fail("the comment is empty")
	case c.Kind == Priority && !slices.Contains([]string{"low", "medium", "high"}, c.Priority):
		return fail("a priority is low, medium or high, not %q", c.Priority)
	case c.Kind == Merge && !catalog.IsIssue(c.Into):
		return fail("the issue to merge into must be given as 16 hex digits")
	case c.Kind == Resolve && !slices.Contains([]string{"", ResolvedNow, ResolvedInRelease, ResolvedInNextRelease}, c.Resolution):
		return fail("a resolution is now, in_release or in_next_release, not %q", c.Resolution)
	case c.Kind == Resolve && (c.Resolution == ResolvedInRelease) != (c.Release != ""):
		return fail("in_release and a release go together")
	case c.Kind == Ignore && !c.Until.IsZero() && !c.Until.After(time.Now()):
		return fail("the time until which to ignore is past")
	}
	var out []uint64
	for _, issue := range c.Issues {
		f, err := fingerprint(issue)
		if err != nil {
			return fail("%v", err)
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out, nil
}

func fingerprint(issue string) (uint64, error) {
	issue = strings.ToLower(issue)
	if !catalog.IsIssue(issue) {
		return 0, fmt.Errorf("%q is not an issue: give its 16 hex digits", issue)
	}
	return strconv.ParseUint(issue, 16, 64)
}

func (s *Store) known(ctx context.Context, project uint32, fingerprints []uint64) (map[uint64]bool, error) {
	r, err := s.Run(ctx, "triage_known", map[string]string{"project": fmt.Sprint(project), "fingerprints": hexList(fingerprints)})
	if err != nil {
		return nil, err
	}
	out := map[uint64]bool{}
	for _, v := range r.Column("fingerprint") {
		out[v.(uint64)] = true
	}
	return out, nil
}

// plan turns a change into rows, with what must be remembered of this moment:
// counts for ignore, the newest release for the next one, all members for a
// merge.
func (s *Store) plan(ctx context.Context, c *Change, fingerprints []uint64) ([]action, error) {
	var out []action
	switch c.Kind {
	case Merge:
		return s.planMerge(ctx, c, fingerprints)
	case Split:
		members, err := s.members(ctx, c.Project, fingerprints)
		if err != nil {
			return nil, err
		}
		for _, f := range fingerprints {
			if members[f] == f {
				return nil, fmt.Errorf("cannot split %016x: %w: it is an issue of its own; give the fingerprint that was merged (see fingerprints in `errata issue show`)", f, ErrTriage)
			}
			out = append(out, action{fingerprint: f, into: f})
		}
		return out, nil
	}
	var was map[uint64]base
	if c.Kind == Ignore && (c.UntilEvents > 0 || c.UntilUsers > 0) || c.Kind == Resolve && c.Resolution == ResolvedInNextRelease {
		var err error
		if was, err = s.base(ctx, c.Project, fingerprints); err != nil {
			return nil, err
		}
	}
	for _, f := range fingerprints {
		a := action{fingerprint: f}
		if c.Kind == Resolve {
			a.resolution, a.release = c.Resolution, c.Release
			if a.resolution == "" {
				a.resolution = ResolvedNow
			}
		}
		if n, ok := was[f]; ok {
			a.baseEvents, a.baseUsers = n.events, n.users
			if a.resolution == ResolvedInNextRelease {
				a.release = n.newest
			}
		}
		if a.resolution == ResolvedInNextRelease && a.release == "" {
			return nil, fmt.Errorf("cannot resolve issue %016x: %w: its project has no release yet, so there is no next one; resolve it now", f, ErrTriage)
		}
		out = append(out, a)
	}
	return out, nil
}

func (s *Store) planMerge(ctx context.Context, c *Change, losers []uint64) ([]action, error) {
	into, err := fingerprint(c.Into)
	if err != nil {
		return nil, fmt.Errorf("cannot merge: %w: %w", ErrTriage, err)
	}
	members, err := s.members(ctx, c.Project, append([]uint64{into}, losers...))
	if err != nil {
		return nil, err
	}
	survivor, ok := members[into]
	if !ok {
		return nil, fmt.Errorf("cannot merge into issue %016x: %w: project %d has no such issue", into, ErrTriage, c.Project)
	}
	var out []action
	for f, of := range members {
		// A loser takes along what was merged into it before.
		if of != survivor && (slices.Contains(losers, of) || slices.Contains(losers, f)) {
			out = append(out, action{fingerprint: f, into: survivor})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("cannot merge into issue %016x: %w: all of them belong to it already", into, ErrTriage)
	}
	slices.SortFunc(out, func(a, b action) int {
		if a.fingerprint < b.fingerprint {
			return -1
		}
		return 1
	})
	return out, nil
}

// members maps every fingerprint of these issues to the issue it belongs to
// now, read from the log itself: the dictionary may be two seconds behind.
func (s *Store) members(ctx context.Context, project uint32, fingerprints []uint64) (map[uint64]uint64, error) {
	r, err := s.Run(ctx, "triage_members", map[string]string{"project": fmt.Sprint(project), "fingerprints": hexList(fingerprints)})
	if err != nil {
		return nil, err
	}
	out := map[uint64]uint64{}
	for _, row := range r.Rows {
		out[row[0].(uint64)] = row[1].(uint64)
	}
	return out, nil
}

// Undo takes an action back, or all actions of one bulk id. What it did is as
// if it had never been; the log keeps both.
func (s *Store) Undo(ctx context.Context, project uint32, actor string, id uuid.UUID, comment string) (Done, error) {
	c := Change{Project: project, Actor: strings.TrimSpace(actor), Comment: comment}
	if c.Actor == "" || len(c.Actor) > maxActor || len(comment) > maxComment {
		return Done{}, fmt.Errorf("cannot undo: %w: an actor of 1 to %d bytes must be given, and a comment of at most %d", ErrTriage, maxActor, maxComment)
	}
	r, err := s.Run(ctx, "triage_undo", map[string]string{"project": fmt.Sprint(project), "id": id.String()})
	if err != nil {
		return Done{}, err
	}
	var actions []action
	for _, row := range r.Rows {
		actions = append(actions, action{fingerprint: row[0].(uint64), target: row[1].(uuid.UUID)})
	}
	if len(actions) == 0 {
		return Done{}, fmt.Errorf("cannot undo %s: %w: project %d has no such action, or it is undone already (see `errata issue history`)", id, ErrTriage, project)
	}
	return s.appendActions(ctx, c, standing.Undo, actions)
}

// write appends actions of one kind. They share bulk, or one of their own where
// that is zero and they are several.
func (s *Store) write(ctx context.Context, c Change, kind string, actions []action, bulk uuid.UUID) (Done, error) {
	moves := kind == Merge || kind == Split || kind == standing.Undo
	said := len(actions) // Ids of these are returned; what they entail is in the log.
	for i := range actions {
		id, err := uuid.NewV7()
		if err != nil {
			return Done{}, fmt.Errorf("cannot make an action id: %w", err)
		}
		a := &actions[i]
		a.id, a.kind, a.comment, a.until, a.untilEvents, a.untilUsers = id, kind, c.Comment, c.Until, c.UntilEvents, c.UntilUsers
	}
	if moves {
		carried, err := s.carryIgnores(ctx, c.Project, actions)
		if err != nil {
			return Done{}, err
		}
		actions = append(actions, carried...)
	}
	at, err := s.moment(ctx, c.Project, kind, actions)
	if err != nil {
		return Done{}, err
	}
	batch, err := s.conn.PrepareBatch(ctx, `INSERT INTO issue_actions (project_id, fingerprint, at, action_id, actor, action, resolution, in_release,
		until, until_events, until_users, base_events, base_users, assignee, owner, priority, into, target_action, bulk_id, comment)`)
	if err != nil {
		return Done{}, fmt.Errorf("cannot write to the triage log: %w", err)
	}
	defer batch.Close()
	if len(actions) > 1 && bulk == uuid.Nil {
		bulk = uuid.New()
	}
	ids := make([]uuid.UUID, len(actions))
	for i, a := range actions {
		ids[i] = a.id
		until := time.Unix(0, 0).UTC()
		if !a.until.IsZero() {
			until = a.until.UTC()
		}
		err = batch.Append(c.Project, a.fingerprint, at, a.id, c.Actor, a.kind, a.resolution, a.release,
			until, a.untilEvents, a.untilUsers, a.baseEvents, a.baseUsers, c.Assignee, c.Owner, c.Priority, a.into, a.target, bulk, a.comment)
		if err != nil {
			return Done{}, fmt.Errorf("cannot write to the triage log: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return Done{}, fmt.Errorf("cannot write to the triage log: %w", err)
	}
	if moves {
		return Done{Actions: ids[:said], Bulk: bulk}, s.reloadMerges(ctx)
	}
	return Done{Actions: ids, Bulk: bulk}, nil
}

// reloadMerges makes a merge visible at once. A server does so by itself within
// two seconds, so a user without the right is fine there; the embedded engine
// never does.
func (s *Store) reloadMerges(ctx context.Context) error {
	err := s.conn.Exec(ctx, "SYSTEM RELOAD DICTIONARY issue_of")
	var refused *clickhouse.Exception
	if err == nil || errors.As(err, &refused) && refused.Code == accessDenied {
		return nil
	}
	return fmt.Errorf("cannot reload the merge log, the action itself is stored: %w", err)
}

// accessDenied is ClickHouse's code for a missing right.
const accessDenied = 497

func hexList(fingerprints []uint64) string {
	parts := make([]string, len(fingerprints))
	for i, f := range fingerprints {
		parts[i] = fmt.Sprintf("%016x", f)
	}
	return strings.Join(parts, ",")
}
