// Package project is `errata project` and `errata key`: who may send, and what is
// kept of it. It parses and prints; queries/projects stores.
package project

import (
	"context"
	"fmt"
	"os"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries"
	"errata/queries/catalog"
	"errata/queries/projects"
	"errata/schema"
)

// Command is `errata project`.
type Command struct {
	Create createCmd `cmd:"" help:"Create a project and its first key; prints the DSN."`
	List   listCmd   `cmd:"" help:"List projects."`
	Show   showCmd   `cmd:"" help:"Show a project and its DSNs."`
	Set    setCmd    `cmd:"" help:"Change what a project keeps, filters, limits and scrubs."`
}

type createCmd struct {
	connect.Flags
	JSON          bool   `help:"Print JSON." name:"json"`
	Slug          string `arg:"" help:"Unique name: lower letters, digits, - and _."`
	ID            uint32 `help:"Project id; default: the next free one."`
	Name          string `help:"Title for people."`
	Platform      string `help:"Main platform, such as python."`
	RetentionDays uint32 `help:"Days that events are kept." default:"90"`
	OTLPDefault   bool   `help:"Takes OTLP requests without a key." name:"otlp-default"`
	Host          string `help:"host:port of the edge in the DSN; default: that of the addresses file."`
}

// Run makes the project and a key.
func (c *createCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "errata")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := projects.Create(ctx, s.Conn(), schema.Project{ID: c.ID, Slug: c.Slug, Name: c.Name, Platform: c.Platform,
		RetentionDays: c.RetentionDays, OTLPDefault: c.OTLPDefault})
	if err != nil {
		return err
	}
	k, err := projects.CreateKey(ctx, s.Conn(), schema.Key{ProjectID: p.ID, Label: "default"})
	if err != nil {
		return err
	}
	return show.Result(os.Stdout, keyResult([]schema.Key{k}, []schema.Project{p}, c.Edge(c.Host)), c.JSON)
}

type listCmd struct {
	connect.Flags
	JSON bool `help:"Print JSON." name:"json"`
}

// Run lists projects.
func (c *listCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	all, err := projects.All(ctx, s.Conn())
	if err != nil {
		return err
	}
	return show.Result(os.Stdout, projectResult(all), c.JSON)
}

type showCmd struct {
	connect.Flags
	JSON bool   `help:"Print JSON." name:"json"`
	Slug string `arg:"" help:"Slug or id."`
	Host string `help:"host:port of the edge in the DSN; default: that of the addresses file."`
}

// Run shows a project's keys as DSNs.
func (c *showCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := projects.BySlug(ctx, s.Conn(), c.Slug)
	if err != nil {
		return err
	}
	keys, err := projects.Keys(ctx, s.Conn(), p.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return show.JSON(os.Stdout, map[string]any{"project": projectResult([]schema.Project{p}), "keys": keyResult(keys, []schema.Project{p}, c.Edge(c.Host))})
	}
	if err := show.Result(os.Stdout, projectResult([]schema.Project{p}), false); err != nil {
		return err
	}
	fmt.Println()
	return show.Result(os.Stdout, keyResult(keys, []schema.Project{p}, c.Edge(c.Host)), false)
}

func projectResult(all []schema.Project) *queries.Result {
	r := &queries.Result{Columns: []catalog.Field{{Name: "id"}, {Name: "slug"}, {Name: "name"}, {Name: "platform"}, {Name: "retention_days"}, {Name: "otlp_default"}, {Name: "disabled"}, {Name: "settings"}}}
	for _, p := range all {
		r.Rows = append(r.Rows, []any{p.ID, p.Slug, p.Name, p.Platform, p.RetentionDays, p.OTLPDefault, p.Disabled, p.Settings})
	}
	return r
}

func keyResult(keys []schema.Key, of []schema.Project, host string) *queries.Result {
	slugs := map[uint32]string{}
	for _, p := range of {
		slugs[p.ID] = p.Slug
	}
	r := &queries.Result{Columns: []catalog.Field{{Name: "project"}, {Name: "slug"}, {Name: "label"}, {Name: "disabled"}, {Name: "created_at", Type: "DateTime"}, {Name: "dsn"}}}
	for _, k := range keys {
		r.Rows = append(r.Rows, []any{k.ProjectID, slugs[k.ProjectID], k.Label, k.Disabled, k.CreatedAt, projects.DSN("http", host, k.ProjectID, k.Public)})
	}
	return r
}
