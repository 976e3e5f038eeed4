// Package issue is `errata issue`: what people look up about issues, and what they
// decide about them. It parses and prints; queries decides.
package issue

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries/projects"
)

// Command is `errata issue`.
type Command struct {
	List listCmd `cmd:"" help:"List the issues of a project."`
	Show showCmd `cmd:"" help:"Show one issue and its newest events."`
	Why  whyCmd  `cmd:"" help:"Explain why an event is in its issue."`

	Resolve   resolveCmd   `cmd:"" help:"Resolve issues: now, in a release, or in the next one."`
	Unresolve unresolveCmd `cmd:"" help:"Reopen issues."`
	Ignore    ignoreCmd    `cmd:"" help:"Ignore issues: for ever, until a time, a number of events or of users."`
	Assign    assignCmd    `cmd:"" help:"Assign issues to somebody."`
	Owner     ownerCmd     `cmd:"" help:"Name the owner of issues."`
	Priority  priorityCmd  `cmd:"" help:"Set the priority of issues."`
	Comment   commentCmd   `cmd:"" help:"Comment on issues."`
	Merge     mergeCmd     `cmd:"" help:"Merge issues into one. Events are not rewritten; undo takes it back."`
	Split     splitCmd     `cmd:"" help:"Take merged fingerprints out of an issue again."`
	Undo      undoCmd      `cmd:"" help:"Take an action back."`
	History   historyCmd   `cmd:"" help:"List what was done about an issue."`
}

type listCmd struct {
	connect.Flags
	JSON        bool   `help:"Print an array of row objects." name:"json"`
	Project     string `help:"Slug or id; default: the only project, or default."`
	From        string `help:"Start of the window, such as -24h or 2026-11-01." default:"-14d"`
	To          string `help:"End of the window." default:"now"`
	Status      string `help:"any, unresolved, new, ongoing, regressed, resolved, ignored." default:"any"`
	Environment string `help:"Environment."`
	Release     string `help:"Release."`
	Level       string `help:"Level."`
	Text        string `help:"Words in title or message."`
	Tag         string `help:"Tag as key=value."`
	Assignee    string `help:"To whom it is assigned."`
	Sort        string `help:"last_seen, first_seen, events, users, trend." default:"last_seen"`
	Limit       uint32 `help:"Rows." default:"50"`
	Offset      uint32 `help:"Rows to skip."`
}

// Run lists issues.
func (c *listCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	project, err := projects.Pick(ctx, s.Conn(), c.Project)
	if err != nil {
		return err
	}
	r, err := s.Run(ctx, "issue_list", map[string]string{"project": fmt.Sprint(project), "from": c.From, "to": c.To, "status": c.Status, "environment": c.Environment,
		"release": c.Release, "level": c.Level, "text": c.Text, "tag": c.Tag, "assignee": c.Assignee, "sort": c.Sort,
		"limit": fmt.Sprint(c.Limit), "offset": fmt.Sprint(c.Offset)})
	if err != nil {
		return err
	}
	if !c.JSON {
		r = r.Pick("issue", "title", "culprit", "level", "status", "window_events", "users", "last_seen", "protocols", "assignee")
	}
	return show.Result(os.Stdout, r, c.JSON)
}

type showCmd struct {
	connect.Flags
	JSON    bool   `help:"Print JSON: issue, events, history." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
	Issue   string `arg:"" help:"16 hex digits."`
	Events  uint32 `help:"Newest events to show." default:"10"`
}

// Run shows one issue.
func (c *showCmd) Run(ctx context.Context) error {
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
	detail, err := s.Run(ctx, "issue_detail", values)
	if err != nil {
		return err
	}
	if len(detail.Rows) == 0 {
		return fmt.Errorf("cannot show issue %s: project %d has none (see `errata issue list`)", c.Issue, project)
	}
	tellMerged(os.Stderr, c.Issue, fmt.Sprint(detail.Column("issue")[0]))
	values["limit"] = fmt.Sprint(c.Events)
	events, err := s.Run(ctx, "latest_events", values)
	if err != nil {
		return err
	}
	if c.JSON {
		return show.JSON(os.Stdout, map[string]any{"issue": detail, "events": events})
	}
	if err := show.Records(os.Stdout, detail, false); err != nil {
		return err
	}
	fmt.Println()
	return show.Result(os.Stdout, events.Pick("event_id", "ts", "protocol", "environment", "release", "user_id", "trace_id", "weight"), false)
}

// tellMerged says, beside the answer, where that is of another issue than the one
// that was asked for.
func tellMerged(w io.Writer, asked, issue string) {
	if !strings.EqualFold(strings.TrimSpace(asked), issue) {
		fmt.Fprintf(w, "Issue %s was merged into %s, which is shown.\n", strings.TrimSpace(asked), issue)
	}
}
