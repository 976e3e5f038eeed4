package project

import (
	"context"
	"fmt"
	"io"
	"os"

	"errata/command/connect"
	"errata/ingest/intake"
	"errata/queries/projects"
)

type setCmd struct {
	connect.Flags
	Slug     string `arg:"" help:"Slug or id."`
	Settings string `help:"File with the settings as JSON (filters, quotas, flood, scrub, grouping, keep, allowed_origins); - reads standard input. They replace those that are there." type:"path"`
	Key      string `help:"Set the settings of this key (its quotas) instead of the project's."`
	Disable  bool   `help:"Refuse everything from now on." xor:"able"`
	Enable   bool   `help:"Take events again." xor:"able"`
	Days     uint32 `name:"retention-days" help:"Days that events are kept."`
	Default  *bool  `name:"otlp-default" help:"Take OTLP requests without a key." negatable:""`
}

// Run checks and stores what was asked; the edge takes it up within seconds.
func (c *setCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "errata")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := projects.BySlug(ctx, s.Conn(), c.Slug)
	if err != nil {
		return err
	}
	text, given, err := c.read()
	if err != nil {
		return err
	}
	if c.Key != "" {
		if _, err := intake.ParseKeySettings(text); err != nil {
			return err
		}
		keys, err := projects.Keys(ctx, s.Conn(), p.ID)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.Public == c.Key {
				k.Settings = text
				return projects.SaveKey(ctx, s.Conn(), k)
			}
		}
		return fmt.Errorf("cannot set key: project %s has %w", p.Slug, projects.ErrNoKey)
	}
	if given {
		if _, err := intake.ParseSettings(text); err != nil {
			return err
		}
		p.Settings = text
	}
	if c.Disable || c.Enable {
		p.Disabled = c.Disable
	}
	if c.Days > 0 {
		p.RetentionDays = c.Days
	}
	if c.Default != nil {
		p.OTLPDefault = *c.Default
	}
	if _, err = projects.Save(ctx, s.Conn(), p); err != nil {
		return err
	}
	fmt.Printf("Project %s is saved; the edge takes it up within 3 seconds.\n", p.Slug)
	return nil
}

// read returns the settings' text and whether any was given.
func (c *setCmd) read() (string, bool, error) {
	var raw []byte
	var err error
	switch c.Settings {
	case "":
		return "", false, nil
	case "-":
		raw, err = io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
	default:
		raw, err = os.ReadFile(c.Settings)
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot read settings: %w", err)
	}
	return string(raw), true, nil
}
