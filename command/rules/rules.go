// Package rules is `errata rules` and `errata regroup`: grouping rules in files,
// of projects, and over stored events. It parses and prints; queries/regroup
// decides.
package rules

import (
	"context"
	"fmt"
	"os"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries"
	"errata/queries/projects"
	"errata/queries/regroup"
	"errata/schema/grouping"
)

// Command is `errata rules`.
type Command struct {
	Check checkCmd `cmd:"" help:"Read a rule file and name its first mistake."`
	Show  showCmd  `cmd:"" help:"Print the rules of a project."`
	Diff  diffCmd  `cmd:"" help:"Show what a rule file would change."`
	Apply applyCmd `cmd:"" help:"Give a project the rules of a file, for events to come."`
}

// Read reads a file of frame and fingerprint rules and checks it.
func Read(path string) (grouping.Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return grouping.Rules{}, fmt.Errorf("cannot read rules: %w", err)
	}
	r := grouping.SplitRules(string(text))
	if _, err := grouping.New(r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

type checkCmd struct {
	File string `arg:"" help:"Rule file." type:"existingfile"`
}

// Run checks a file; it needs no store.
func (c *checkCmd) Run() error {
	r, err := Read(c.File)
	if err != nil {
		return err
	}
	g, err := grouping.New(r)
	if err != nil {
		return err
	}
	fmt.Printf("%d rules are good; events grouped by them carry version %s.\n", len(r.Lines()), g.Version())
	return nil
}

type showCmd struct {
	connect.Flags
	JSON    bool   `help:"Print JSON." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
}

// Run prints a project's rules as a rule file.
func (c *showCmd) Run(ctx context.Context) error {
	s, _, now, err := openRules(ctx, &c.Flags, "reader", c.Project)
	if err != nil {
		return err
	}
	defer s.Close()
	if c.JSON {
		return show.JSON(os.Stdout, now.Lines())
	}
	for _, l := range now.Lines() {
		fmt.Println(l)
	}
	return nil
}

type diffCmd struct {
	connect.Flags
	JSON    bool   `help:"Print JSON." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
	File    string `arg:"" help:"Rule file." type:"existingfile"`
}

// Run compares a file with what a project has.
func (c *diffCmd) Run(ctx context.Context) error {
	r, err := Read(c.File)
	if err != nil {
		return err
	}
	s, _, now, err := openRules(ctx, &c.Flags, "reader", c.Project)
	if err != nil {
		return err
	}
	defer s.Close()
	diff := regroup.Diff(now, r)
	if c.JSON {
		return show.JSON(os.Stdout, diff)
	}
	if len(diff) == 0 {
		fmt.Println("No change.")
	}
	for _, l := range diff {
		fmt.Println(l)
	}
	return nil
}

type applyCmd struct {
	connect.Flags
	Project string `help:"Slug or id; default: the only project, or default."`
	File    string `arg:"" help:"Rule file." type:"existingfile"`
}

// Run stores the rules; stored events stay where they are.
func (c *applyCmd) Run(ctx context.Context) error {
	r, err := Read(c.File)
	if err != nil {
		return err
	}
	s, project, now, err := openRules(ctx, &c.Flags, "errata", c.Project)
	if err != nil {
		return err
	}
	defer s.Close()
	if len(regroup.Diff(now, r)) == 0 {
		fmt.Println("No change.")
		return nil
	}
	if err := regroup.SaveRules(ctx, s, project, r); err != nil {
		return err
	}
	fmt.Printf("Project %d has %d rules now; the edge takes them up within seconds. Stored events stay as they are: see `errata regroup --rules %s --dry-run`.\n", project, len(r.Lines()), c.File)
	return nil
}

// openRules connects and reads the rules of a project.
func openRules(ctx context.Context, f *connect.Flags, user, slug string) (*queries.Store, uint32, grouping.Rules, error) {
	s, err := f.Open(ctx, user)
	if err != nil {
		return nil, 0, grouping.Rules{}, err
	}
	id, err := projects.Pick(ctx, s.Conn(), slug)
	if err == nil {
		p, perr := projects.BySlug(ctx, s.Conn(), fmt.Sprint(id))
		var r grouping.Rules
		if err = perr; err == nil {
			if r, err = regroup.Rules(p); err == nil {
				return s, id, r, nil
			}
		}
	}
	_ = s.Close()
	return nil, 0, grouping.Rules{}, err
}
