package main

import (
	"context"
	"fmt"
	"os"

	"errata/queries"
	"errata/queries/projects"
)

type issueCmd struct {
	List issueListCmd `cmd:"" help:"List the issues of a project."`
	Show issueShowCmd `cmd:"" help:"Show one issue and its newest events."`
	Why  issueWhyCmd  `cmd:"" help:"Explain why an event is in its issue."`

	Resolve   issueResolveCmd   `cmd:"" help:"Resolve issues: now, in a release, or in the next one."`
	Unresolve issueUnresolveCmd `cmd:"" help:"Reopen issues."`
	Ignore    issueIgnoreCmd    `cmd:"" help:"Ignore issues: for ever, until a time, a number of events or of users."`
	Assign    issueAssignCmd    `cmd:"" help:"Assign issues to somebody."`
	Owner     issueOwnerCmd     `cmd:"" help:"Name the owner of issues."`
	Priority  issuePriorityCmd  `cmd:"" help:"Set the priority of issues."`
	Comment   issueCommentCmd   `cmd:"" help:"Comment on issues."`
	Merge     issueMergeCmd     `cmd:"" help:"Merge issues into one. Events are not rewritten; undo takes it back."`
	Split     issueSplitCmd     `cmd:"" help:"Take merged fingerprints out of an issue again."`
	Undo      issueUndoCmd      `cmd:"" help:"Take an action back."`
	History   issueHistoryCmd   `cmd:"" help:"List what was done about an issue."`
}

type issueListCmd struct {
	connectFlags
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
func (c *issueListCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	project, err := pickProject(ctx, s, c.Project)
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
	return printResult(os.Stdout, r, c.JSON)
}

type issueShowCmd struct {
	connectFlags
	JSON    bool   `help:"Print JSON: issue, events, history." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
	Issue   string `arg:"" help:"16 hex digits."`
	Events  uint32 `help:"Newest events to show." default:"10"`
}

// Run shows one issue.
func (c *issueShowCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	project, err := pickProject(ctx, s, c.Project)
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
	values["limit"] = fmt.Sprint(c.Events)
	events, err := s.Run(ctx, "latest_events", values)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, map[string]any{"issue": detail, "events": events})
	}
	if err := printRecords(os.Stdout, detail, false); err != nil {
		return err
	}
	fmt.Println()
	return printResult(os.Stdout, events.Pick("event_id", "ts", "protocol", "environment", "release", "user_id", "trace_id", "weight"), false)
}

// pickProject turns a slug or id into an id; none means the only project, or
// the one named default.
func pickProject(ctx context.Context, s *queries.Store, slug string) (uint32, error) {
	if slug != "" {
		p, err := projects.BySlug(ctx, s.Conn(), slug)
		return p.ID, err
	}
	all, err := projects.All(ctx, s.Conn())
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if len(all) == 1 || p.Slug == "default" {
			return p.ID, nil
		}
	}
	return 0, fmt.Errorf("cannot choose among %d projects: name one with --project (see `errata project list`)", len(all))
}
