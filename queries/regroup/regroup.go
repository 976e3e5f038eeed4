package regroup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"errata/queries"
	"errata/queries/regroup/plan"
	"errata/schema/grouping"
)

// ErrStale is returned where a plan is older than what it would change.
var ErrStale = errors.New("the plan is out of date; run this again")

// Options of one run.
type Options struct {
	Project uint32
	Rules   grouping.Rules
	Since   time.Duration  // How far back; zero for all.
	State   string         // File that a stopped run is taken up from; empty for none.
	Each    func(Progress) // Called after every slice; nil for none.
}

// Progress is how far a run is.
type Progress struct {
	Done, Total uint64 // Events.
	PerSecond   float64
}

// Report is what regrouping would change, or did.
type Report struct {
	Project     uint32       `json:"project"`
	Version     string       `json:"version"`
	From        string       `json:"from,omitempty"`
	To          string       `json:"to"`
	Events      uint64       `json:"events"`      // Stored rows read.
	Occurrences uint64       `json:"occurrences"` // Their sum of weights.
	Kept        uint64       `json:"issues_kept"`
	Renamed     uint64       `json:"issues_renamed"` // Another fingerprint, the same issue.
	Merges      []plan.Merge `json:"merges"`
	Splits      []plan.Split `json:"splits"`
	Broken      uint64       `json:"unreadable_payloads"`
	Seconds     float64      `json:"seconds"`
	Run         string       `json:"run,omitempty"`  // Of an applied one: what undo takes back.
	Note        string       `json:"note,omitempty"` // What an applied one left out.

	decision plan.Decision
	stamp    stamp // Of the triage log that the plan was made by.
	rules    grouping.Rules
	window   window
}

// Plan reads the stored events of a project and says what would change. It
// writes nothing but the state file.
func Plan(ctx context.Context, s *queries.Store, o Options) (*Report, error) {
	g, err := grouping.New(o.Rules)
	if err != nil {
		return nil, fmt.Errorf("cannot regroup: %w: %w", ErrRules, err)
	}
	started := time.Now()
	seen, err := stampOf(ctx, s, o.Project)
	if err != nil {
		return nil, err
	}
	st := loadState(&o, g.Version(), seen.Runs)
	todo, err := slicesOf(ctx, s, o.Project, st.From, st.To)
	if err != nil {
		return nil, err
	}
	p := Progress{}
	for _, sl := range todo {
		p.Total += sl.rows
	}
	sum := st.counts()
	p.Done = sum.rows
	before, saved := sum.rows, time.Now()
	todo = slices.DeleteFunc(todo, func(sl slice) bool { return st.Done[sl.key] })
	err = scanAll(ctx, s, g, o.Project, todo, st.From, st.To, func(sl slice, c *counts) error {
		sum.add(c)
		st.Done[sl.key] = true
		if time.Since(saved) > 5*time.Second {
			if err := st.save(o.State, sum); err != nil {
				return err
			}
			saved = time.Now()
		}
		p.Done = sum.rows
		p.PerSecond = float64(sum.rows-before) / max(time.Since(started).Seconds(), 1e-3)
		if o.Each != nil {
			o.Each(p)
		}
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			err = errStopped
		}
		return nil, errors.Join(fmt.Errorf("cannot regroup project %d: %w", o.Project, err), st.save(o.State, sum))
	}
	if err := st.save(o.State, sum); err != nil {
		return nil, err
	}
	// A merge between here and the next line makes Apply refuse; the other way
	// round it would be overlooked.
	now, err := stampOf(ctx, s, o.Project)
	if err != nil {
		return nil, err
	}
	if now.Runs != seen.Runs {
		return nil, fmt.Errorf("cannot regroup project %d: another regrouping was applied or taken back meanwhile: %w", o.Project, ErrStale)
	}
	survivor, err := survivors(ctx, s, o.Project)
	if err != nil {
		return nil, err
	}
	parts := sum.parts()
	r := &Report{Project: o.Project, Version: g.Version(), To: st.To.Format(time.RFC3339), Events: sum.rows, Broken: sum.broken, rules: o.Rules, window: window{st.From, st.To}, stamp: now}
	if o.Since > 0 {
		r.From = st.From.Format(time.RFC3339)
	}
	for _, part := range parts {
		r.Occurrences += part.Occurrences
	}
	r.decision = plan.Decide(parts, survivor)
	r.Merges, r.Splits, r.Kept, r.Renamed = r.decision.Report, r.decision.Splits, r.decision.Kept, r.decision.Renamed
	r.Seconds = time.Since(started).Seconds()
	return r, nil
}

// survivors reads the merge log: which issue a fingerprint belongs to now.
func survivors(ctx context.Context, s *queries.Store, project uint32) (func(uint64) uint64, error) {
	rows, err := s.Conn().Query(ctx, `SELECT fingerprint, survivor FROM issue_merges WHERE project_id = ?`, project)
	if err != nil {
		return nil, fmt.Errorf("cannot read the merge log: %w", err)
	}
	defer rows.Close()
	of := map[uint64]uint64{}
	for rows.Next() {
		var f, survivor uint64
		if err := rows.Scan(&f, &survivor); err != nil {
			return nil, fmt.Errorf("cannot read the merge log: %w", err)
		}
		of[f] = survivor
	}
	return func(f uint64) uint64 {
		if s, ok := of[f]; ok {
			return s
		}
		return f
	}, rows.Err()
}

// state is a run on disk.
type state struct {
	Version string            `json:"version"`
	Project uint32            `json:"project"`
	From    time.Time         `json:"from"`
	To      time.Time         `json:"to"`
	Since   time.Duration     `json:"since"`
	Runs    uint64            `json:"runs"` // As in stamp: another run moves what was counted.
	Done    map[string]bool   `json:"done"`
	Rows    uint64            `json:"rows"`
	Broken  uint64            `json:"broken"`
	Cells   []stateCell       `json:"cells"`
	Follow  map[string]uint64 `json:"follow"`
}

type stateCell struct {
	Old string `json:"old"`
	New string `json:"new"`
	cell
}

// maxStateAge is how old a stopped run may be to be taken up: later, too much
// has come in since.
const maxStateAge = 24 * time.Hour

// loadState takes up a stopped run of the same rules, or begins one.
func loadState(o *Options, version string, runs uint64) *state {
	now := time.Now().UTC().Truncate(time.Millisecond)
	fresh := &state{Version: version, Project: o.Project, From: time.Unix(0, 0).UTC(), To: now, Since: o.Since, Runs: runs, Done: map[string]bool{}}
	if o.Since > 0 {
		fresh.From = now.Add(-o.Since)
	}
	raw, err := os.ReadFile(o.State)
	if o.State == "" || err != nil {
		return fresh
	}
	var st state
	if json.Unmarshal(raw, &st) != nil || st.Version != version || st.Project != o.Project || st.Since != o.Since || st.Runs != runs || st.Done == nil || now.Sub(st.To) > maxStateAge {
		return fresh
	}
	return &st
}

func (st *state) counts() *counts {
	c := newCounts()
	c.rows, c.broken = st.Rows, st.Broken
	for i := range st.Cells {
		v := st.Cells[i].cell
		c.cells[flowKey{parseHex(st.Cells[i].Old), parseHex(st.Cells[i].New)}] = &v
	}
	for f, n := range st.Follow {
		c.follow[parseHex(f)] = n
	}
	return c
}

func (st *state) save(path string, c *counts) error {
	if path == "" {
		return nil
	}
	st.Rows, st.Broken, st.Cells, st.Follow = c.rows, c.broken, nil, map[string]uint64{}
	for k, v := range c.cells {
		st.Cells = append(st.Cells, stateCell{grouping.Hex(k.old), grouping.Hex(k.new), *v})
	}
	for f, n := range c.follow {
		st.Follow[grouping.Hex(f)] = n
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("cannot save the state of the run: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot save the state of the run: %w", err)
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return fmt.Errorf("cannot save the state of the run: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("cannot save the state of the run: %w", err)
	}
	return nil
}

// Forget removes the state of a run that is over.
func Forget(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the state of the run: %w", err)
	}
	return nil
}

func parseHex(s string) uint64 {
	var v uint64
	_, _ = fmt.Sscanf(s, "%016x", &v)
	return v
}

// newRun is the id that undo names.
func newRun() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("cannot make an id: %w", err)
	}
	return id, nil
}

// stamp is how many runs, and how many merges and splits, the triage log of a
// project has: it only grows, so an equal stamp means that nothing changed.
type stamp struct {
	Runs   uint64 `json:"runs"`
	Merges uint64 `json:"merges"`
}

func stampOf(ctx context.Context, s *queries.Store, project uint32) (st stamp, err error) {
	err = s.Conn().QueryRow(ctx, `SELECT countIf(fingerprint = 0 AND action IN ('regroup', 'undo')), countIf(action IN ('merge', 'split', 'undo')) FROM issue_actions WHERE project_id = ?`, project).Scan(&st.Runs, &st.Merges)
	if err != nil {
		return st, fmt.Errorf("cannot read the triage log: %w", err)
	}
	return st, nil
}
