package main

import (
	"context"
	"fmt"
	"os"

	"errata/command/connect"
	"errata/command/show"
	"errata/ingest/intake"
	"errata/ingest/scrub/dryrun"
	"errata/queries/projects"
)

type scrubCmd struct {
	connect.Flags
	JSON     bool   `help:"Print JSON." name:"json"`
	Project  string `help:"Slug or id." required:""`
	DryRun   bool   `help:"Only say what would be taken out; stored events are never changed." required:""`
	Settings string `help:"File with project settings to try; default: those that the project has." type:"existingfile"`
	Days     int    `help:"How far back." default:"7"`
	Limit    int    `help:"Newest events to read." default:"10000"`
}

// Run tries scrubbing rules on stored events.
func (c *scrubCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := projects.BySlug(ctx, s.Conn(), c.Project)
	if err != nil {
		return err
	}
	text := p.Settings
	if c.Settings != "" {
		raw, err := os.ReadFile(c.Settings)
		if err != nil {
			return fmt.Errorf("cannot read settings: %w", err)
		}
		text = string(raw)
	}
	settings, err := intake.ParseSettings(text)
	if err != nil {
		return err
	}
	run, err := dryrun.New(settings.Scrub)
	if err != nil {
		return err
	}
	rows, err := s.Conn().Query(ctx, dryrun.SQL, p.ID, c.Days, c.Limit)
	if err != nil {
		return fmt.Errorf("cannot read stored events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, payload string
		if err := rows.Scan(&id, &payload); err != nil {
			return fmt.Errorf("cannot read a stored event: %w", err)
		}
		run.Event(id, []byte(payload))
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("cannot read stored events: %w", err)
	}
	r := run.Report()
	if c.JSON {
		return show.JSON(os.Stdout, r)
	}
	fmt.Printf("%d events read, %d would change\n", r.Events, r.Changed)
	for _, part := range []struct {
		title  string
		counts []dryrun.Count
	}{{"rule", r.Rules}, {"path", r.Paths}} {
		if len(part.counts) > 0 {
			fmt.Printf("\n%8s %8s  %s\n", "values", "events", part.title)
		}
		for _, n := range part.counts {
			fmt.Printf("%8d %8d  %s (as in %s)\n", n.Values, n.Events, n.Name, n.Sample)
		}
	}
	return nil
}
