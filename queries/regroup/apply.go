package regroup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"errata/queries"
	"errata/queries/projects"
	"errata/queries/regroup/lock"
	"errata/queries/regroup/plan"
	"errata/schema/grouping"
)

// ErrNothingToUndo is returned where no regrouping is in force.
var ErrNothingToUndo = errors.New("no regrouping is in force")

// record is what the triage log keeps of a run, as the comment of its own
// action: enough to take it back.
type record struct {
	Version string `json:"version"`
	Before  stored `json:"before"` // Rules of the project before.
	After   stored `json:"after"`
	Merges  int    `json:"merges"`
	Moves   int    `json:"moves"`
}

// Apply makes a plan true: the project gets its rules, for events to come; its
// issues are joined in the triage log, and the part of an issue that breaks off
// is moved with its counts, for events that are stored. One id covers it all.
// ErrBusy where another run writes, ErrStale where the plan is out of date.
func Apply(ctx context.Context, s *queries.Store, r *Report, actor string) error {
	ctx, release, err := lock.Take(ctx, s, r.Project)
	if err != nil {
		return fmt.Errorf("cannot apply: %w", err)
	}
	defer release()
	if err := r.fresh(ctx, s, actor); err != nil {
		return fmt.Errorf("cannot apply: %w", err)
	}
	before, err := rulesNow(ctx, s, r.Project)
	if err != nil {
		return err
	}
	if ok, err := movable(ctx, s); err != nil {
		return err
	} else if !ok && len(r.decision.Moves) > 0 {
		r.Note, r.decision.Moves = "events are spread over servers: issues that split do so for events to come only", nil
	}
	after := r.rules.Compact()
	id, err := newRun()
	if err != nil {
		return err
	}
	rec := record{Version: r.Version, Before: stored(before), After: stored(after), Merges: len(r.decision.Merges), Moves: len(r.decision.Moves)}
	if err := mark(ctx, s, r, id); err != nil {
		return err
	}
	// The log comes before what it tells: a run that dies from here on is in
	// force, and is finished by the next one or undone.
	if err := log(ctx, s, r.Project, actor, id, rec, r.decision.Merges, r.decision.Known); err != nil {
		return err
	}
	if err := SaveRules(ctx, s, r.Project, after); err != nil {
		return err
	}
	if err := transfer(ctx, s, r.Project, id, false); err != nil {
		return err
	}
	r.Run = id.String()
	if err := done(ctx, s, r.Project, actor, id); err != nil {
		return err
	}
	return reload(ctx, s)
}

func rulesNow(ctx context.Context, s *queries.Store, project uint32) (grouping.Rules, error) {
	p, err := projects.BySlug(ctx, s.Conn(), fmt.Sprint(project))
	if err != nil {
		return grouping.Rules{}, err
	}
	return Rules(p)
}

// fresh refuses a plan that does not see what is stored now. A run that was
// interrupted is finished first: the plan may have read half of its moves.
func (r *Report) fresh(ctx context.Context, s *queries.Store, actor string) error {
	finished, err := finish(ctx, s, r.Project, actor)
	if err != nil {
		return err
	}
	if finished {
		return fmt.Errorf("an interrupted regrouping was finished first: %w", ErrStale)
	}
	now, err := stampOf(ctx, s, r.Project)
	if err != nil {
		return err
	}
	if now != r.stamp {
		return fmt.Errorf("issues were regrouped, merged or split since: %w", ErrStale)
	}
	return nil
}

// reload lets reads follow at once, not when the dictionary is next due.
func reload(ctx context.Context, s *queries.Store) error {
	var database string
	if err := s.Conn().QueryRow(ctx, "SELECT currentDatabase()").Scan(&database); err != nil {
		return fmt.Errorf("cannot read the name of the database: %w", err)
	}
	if err := s.Conn().Exec(ctx, "SYSTEM RELOAD DICTIONARY `"+database+"`.issue_of"); err != nil {
		return fmt.Errorf("cannot reload the map of issues (it follows by itself within two seconds): %w", err)
	}
	return nil
}

// done notes that a run has moved all it had to.
func done(ctx context.Context, s *queries.Store, project uint32, actor string, id uuid.UUID) error {
	err := s.Conn().Exec(ctx, `INSERT INTO issue_actions (project_id, fingerprint, at, actor, action, bulk_id) VALUES (?, 0, now64(3), ?, 'regrouped', ?)`, project, actor, id)
	if err != nil {
		return fmt.Errorf("cannot write to the triage log: %w", err)
	}
	return nil
}

// finish ends a run that was interrupted while it moved events, and says
// whether there was one.
func finish(ctx context.Context, s *queries.Store, project uint32, actor string) (bool, error) {
	id, rec, err := inForce(ctx, s, project, "")
	if errors.Is(err, ErrNothingToUndo) || err == nil && rec.Moves == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var n uint64
	err = s.Conn().QueryRow(ctx, `SELECT count() FROM issue_actions WHERE project_id = ? AND bulk_id = ? AND action = 'regrouped'`, project, id).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("cannot read the triage log: %w", err)
	}
	if n > 0 {
		return false, nil
	}
	if err := transfer(ctx, s, project, id, false); err != nil {
		return false, err
	}
	return true, done(ctx, s, project, actor, id)
}

// aliasComment marks a fingerprint that no event had before a run. Undoing the
// run leaves it in its issue: what came in between stays where it came.
const aliasComment = "new fingerprint by "

// log appends the actions of a run, in one block.
func log(ctx context.Context, s *queries.Store, project uint32, actor string, id uuid.UUID, rec record, merges map[uint64]uint64, known map[uint64]bool) error {
	batch, err := s.Conn().PrepareBatch(ctx, `INSERT INTO issue_actions (project_id, fingerprint, at, action_id, actor, action, into, bulk_id, comment)`)
	if err != nil {
		return fmt.Errorf("cannot write to the triage log: %w", err)
	}
	defer batch.Close()
	at := time.Now().UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("cannot write to the triage log: %w", err)
	}
	add := func(f uint64, action string, into uint64, comment string) error {
		a, err := newRun()
		if err != nil {
			return err
		}
		if err := batch.Append(project, f, at, a, actor, action, into, id, comment); err != nil {
			return fmt.Errorf("cannot write to the triage log: %w", err)
		}
		return nil
	}
	if err := add(0, "regroup", 0, string(text)); err != nil {
		return err
	}
	for _, f := range plan.Sorted(merges) {
		action := "merge"
		if merges[f] == f {
			action = "split"
		}
		comment := "regrouped by " + rec.Version
		if !known[f] {
			comment = aliasComment + rec.Version
		}
		if err := add(f, action, merges[f], comment); err != nil {
			return err
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("cannot write to the triage log: %w", err)
	}
	return nil
}

// Undo takes back the newest regrouping in force, or the one named. The rules
// before it hold again, issues are where they were.
func Undo(ctx context.Context, s *queries.Store, project uint32, run, actor string) (string, error) {
	ctx, release, err := lock.Take(ctx, s, project)
	if err != nil {
		return "", fmt.Errorf("cannot undo: %w", err)
	}
	defer release()
	id, rec, err := inForce(ctx, s, project, run)
	if err != nil {
		return "", err
	}
	if _, err := finish(ctx, s, project, actor); err != nil {
		return "", err
	}
	if err := SaveRules(ctx, s, project, grouping.Rules(rec.Before)); err != nil {
		return "", err
	}
	if rec.Moves > 0 {
		if err := transfer(ctx, s, project, id, true); err != nil {
			return "", err
		}
	}
	err = s.Conn().Exec(ctx, `INSERT INTO issue_actions (project_id, fingerprint, at, actor, action, target_action, bulk_id, comment)
		SELECT project_id, fingerprint, now64(3), ?, 'undo', action_id, ?, 'regrouping taken back' FROM issue_actions
		WHERE project_id = ? AND bulk_id = ? AND action != 'undo' AND NOT startsWith(comment, ?)
			AND action_id NOT IN (SELECT target_action FROM issue_actions WHERE project_id = ? AND action = 'undo')`,
		actor, uuid.New(), project, id, aliasComment, project)
	if err != nil {
		return "", fmt.Errorf("cannot undo regrouping %s: %w", id, err)
	}
	return id.String(), reload(ctx, s)
}

// inForce finds a run that was not taken back.
func inForce(ctx context.Context, s *queries.Store, project uint32, run string) (uuid.UUID, record, error) {
	var want uuid.UUID
	if run != "" {
		id, err := uuid.Parse(run)
		if err != nil {
			return want, record{}, fmt.Errorf("cannot undo regrouping %q: it is not the id of a run", run)
		}
		want = id
	}
	rows, err := s.Conn().Query(ctx, `SELECT bulk_id, comment FROM issue_actions
		WHERE project_id = ? AND fingerprint = 0 AND action = 'regroup'
			AND action_id NOT IN (SELECT target_action FROM issue_actions WHERE project_id = ? AND action = 'undo')
		ORDER BY at DESC, action_id DESC`, project, project)
	if err != nil {
		return want, record{}, fmt.Errorf("cannot read the triage log: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		var id uuid.UUID
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return want, record{}, fmt.Errorf("cannot read the triage log: %w", err)
		}
		if want != uuid.Nil && id != want {
			return want, record{}, fmt.Errorf("cannot undo regrouping %s: a later one, %s, is in force: undo that first", want, id)
		}
		var rec record
		if err := json.Unmarshal([]byte(text), &rec); err != nil {
			return id, rec, fmt.Errorf("cannot read the record of regrouping %s: %w", id, err)
		}
		return id, rec, nil
	}
	if err := rows.Err(); err != nil {
		return want, record{}, fmt.Errorf("cannot read the triage log: %w", err)
	}
	return want, record{}, fmt.Errorf("cannot undo: %w in project %d", ErrNothingToUndo, project)
}
