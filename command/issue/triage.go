package issue

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/google/uuid"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries"
	"errata/queries/catalog"
	"errata/queries/projects"
)

// triageFlags are shared by the commands that act on issues.
type triageFlags struct {
	connect.Flags
	JSON    bool   `help:"Print JSON." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
	Actor   string `help:"Who acts; default: you." env:"ERRATA_ACTOR"`
	Comment string `help:"In words, kept with the action."`
}

// act appends a change and prints what undoes it.
func (f *triageFlags) act(ctx context.Context, c queries.Change) error {
	return f.with(ctx, func(s *queries.Store, project uint32) (queries.Done, error) {
		c.Project, c.Actor, c.Comment = project, f.who(), f.Comment
		return s.Triage(ctx, c)
	})
}

func (f *triageFlags) with(ctx context.Context, do func(*queries.Store, uint32) (queries.Done, error)) error {
	s, err := f.Open(ctx, "triage")
	if err != nil {
		return err
	}
	defer s.Close()
	project, err := projects.Pick(ctx, s.Conn(), f.Project)
	if err != nil {
		return err
	}
	done, err := do(s, project)
	if err != nil {
		return err
	}
	return printDone(os.Stdout, done, f.JSON)
}

// printDone prints what `errata issue undo` takes: the id of each action, and the
// one of all of them where there are several.
func printDone(w io.Writer, done queries.Done, asJSON bool) error {
	r := &queries.Result{Columns: []catalog.Field{{Name: "action_id"}}}
	bulk := done.Bulk != uuid.Nil
	if bulk || asJSON { // JSON has the same members always.
		r.Columns = append(r.Columns, catalog.Field{Name: "bulk_id"})
	}
	for _, id := range done.Actions {
		row := []any{id.String()}
		if bulk {
			row = append(row, done.Bulk.String())
		} else if asJSON {
			row = append(row, nil)
		}
		r.Rows = append(r.Rows, row)
	}
	return show.Result(w, r, asJSON)
}

func (f *triageFlags) who() string {
	if f.Actor != "" {
		return f.Actor
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

type resolveCmd struct {
	triageFlags
	Issues        []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
	InRelease     string   `help:"Resolved in this release: an event of it or of a newer one reopens." xor:"how"`
	InNextRelease bool     `help:"Resolved in the release after the current one." xor:"how"`
}

// Run resolves.
func (c *resolveCmd) Run(ctx context.Context) error {
	how := queries.ResolvedNow
	switch {
	case c.InRelease != "":
		how = queries.ResolvedInRelease
	case c.InNextRelease:
		how = queries.ResolvedInNextRelease
	}
	return c.act(ctx, queries.Change{Kind: queries.Resolve, Issues: c.Issues, Resolution: how, Release: c.InRelease})
}

type unresolveCmd struct {
	triageFlags
	Issues []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
}

// Run reopens.
func (c *unresolveCmd) Run(ctx context.Context) error {
	return c.act(ctx, queries.Change{Kind: queries.Unresolve, Issues: c.Issues})
}

type ignoreCmd struct {
	triageFlags
	Issues []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
	Until  string   `help:"Until this time, such as +7d or 2026-12-24; default: for ever."`
	Events uint64   `help:"Until this many more events."`
	Users  uint64   `help:"Until this many more users."`
}

// Run ignores.
func (c *ignoreCmd) Run(ctx context.Context) error {
	change := queries.Change{Kind: queries.Ignore, Issues: c.Issues, UntilEvents: c.Events, UntilUsers: c.Users}
	if c.Until != "" {
		t, err := catalog.ParseTime(c.Until, time.Now())
		if err != nil {
			return fmt.Errorf("cannot read --until: %w", err)
		}
		change.Until = t
	}
	return c.act(ctx, change)
}

type assignCmd struct {
	triageFlags
	To     string   `arg:"" help:"To whom; an empty text for nobody."`
	Issues []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
}

// Run assigns.
func (c *assignCmd) Run(ctx context.Context) error {
	return c.act(ctx, queries.Change{Kind: queries.Assign, Issues: c.Issues, Assignee: c.To})
}

type ownerCmd struct {
	triageFlags
	To     string   `arg:"" help:"Team or person."`
	Issues []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
}

// Run names an owner.
func (c *ownerCmd) Run(ctx context.Context) error {
	return c.act(ctx, queries.Change{Kind: queries.Owner, Issues: c.Issues, Owner: c.To})
}

type priorityCmd struct {
	triageFlags
	Priority string   `arg:"" help:"low, medium or high." enum:"low,medium,high"`
	Issues   []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
}

// Run sets a priority.
func (c *priorityCmd) Run(ctx context.Context) error {
	return c.act(ctx, queries.Change{Kind: queries.Priority, Issues: c.Issues, Priority: c.Priority})
}

type commentCmd struct {
	triageFlags
	Text   string   `arg:"" help:"In words."`
	Issues []string `arg:"" name:"issue" help:"16 hex digits; several at once."`
}

// Run comments.
func (c *commentCmd) Run(ctx context.Context) error {
	c.Comment = c.Text
	return c.act(ctx, queries.Change{Kind: queries.Comment, Issues: c.Issues})
}

type mergeCmd struct {
	triageFlags
	Into   string   `help:"The issue that stays." required:""`
	Issues []string `arg:"" name:"issue" help:"Issues that move; 16 hex digits."`
}

// Run merges.
func (c *mergeCmd) Run(ctx context.Context) error {
	return c.act(ctx, queries.Change{Kind: queries.Merge, Issues: c.Issues, Into: c.Into})
}

type splitCmd struct {
	triageFlags
	Fingerprints []string `arg:"" name:"fingerprint" help:"Merged fingerprints that become issues of their own; see fingerprints in errata issue show."`
}

// Run splits.
func (c *splitCmd) Run(ctx context.Context) error {
	return c.act(ctx, queries.Change{Kind: queries.Split, Issues: c.Fingerprints})
}

type undoCmd struct {
	triageFlags
	Action string `arg:"" help:"Action id, or the bulk id of several; see errata issue history."`
}

// Run takes an action back.
func (c *undoCmd) Run(ctx context.Context) error {
	id, err := uuid.Parse(c.Action)
	if err != nil {
		return fmt.Errorf("cannot undo: %q is not an action id (see `errata issue history`)", c.Action)
	}
	return c.with(ctx, func(s *queries.Store, project uint32) (queries.Done, error) {
		return s.Undo(ctx, project, c.who(), id, c.Comment)
	})
}

type historyCmd struct {
	connect.Flags
	JSON    bool   `help:"Print an array of row objects." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
	Issue   string `arg:"" help:"16 hex digits."`
}

// Run lists what was done.
func (c *historyCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	project, err := projects.Pick(ctx, s.Conn(), c.Project)
	if err != nil {
		return err
	}
	values := map[string]string{"project": fmt.Sprint(project), "issue": c.Issue}
	r, err := s.Run(ctx, "issue_history", values)
	if err != nil {
		return err
	}
	detail, err := s.Run(ctx, "issue_detail", values)
	if err != nil {
		return err
	}
	if len(detail.Rows) > 0 {
		tellMerged(os.Stderr, c.Issue, fmt.Sprint(detail.Column("issue")[0]))
	} else if len(r.Rows) == 0 {
		return fmt.Errorf("cannot list the history of issue %s: project %d has none (see `errata issue list`)", c.Issue, project)
	}
	return show.Result(os.Stdout, r, c.JSON)
}
