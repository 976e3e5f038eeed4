package project

import (
	"context"
	"os"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
)

// KeyCommand is `errata key`.
type KeyCommand struct {
	Create  keyCreateCmd  `cmd:"" help:"Create a key of a project; prints the DSN."`
	List    keyListCmd    `cmd:"" help:"List the keys of a project."`
	Disable keyDisableCmd `cmd:"" help:"Turn a key off: the edge refuses it within seconds."`
	Enable  keyEnableCmd  `cmd:"" help:"Turn a key on again."`
}

type keyFlags struct {
	connect.Flags
	JSON    bool   `help:"Print JSON." name:"json"`
	Host    string `help:"host:port of the edge in the DSN; default: that of the addresses file."`
	Project string `arg:"" help:"Slug or id of the project."`
}

// with opens the store as user and finds the project.
func (f *keyFlags) with(ctx context.Context, user string, do func(*queries.Store, schema.Project) ([]schema.Key, error)) error {
	s, err := f.Open(ctx, user)
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := projects.BySlug(ctx, s.Conn(), f.Project)
	if err != nil {
		return err
	}
	keys, err := do(s, p)
	if err != nil {
		return err
	}
	return show.Result(os.Stdout, keyResult(keys, []schema.Project{p}, f.Edge(f.Host)), f.JSON)
}

type keyCreateCmd struct {
	keyFlags
	Label string `help:"Name for people."`
}

// Run makes a key.
func (c *keyCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, "errata", func(s *queries.Store, p schema.Project) ([]schema.Key, error) {
		k, err := projects.CreateKey(ctx, s.Conn(), schema.Key{ProjectID: p.ID, Label: c.Label})
		return []schema.Key{k}, err
	})
}

type keyListCmd struct{ keyFlags }

// Run lists keys.
func (c *keyListCmd) Run(ctx context.Context) error {
	return c.with(ctx, "reader", func(s *queries.Store, p schema.Project) ([]schema.Key, error) {
		return projects.Keys(ctx, s.Conn(), p.ID)
	})
}

type keyDisableCmd struct {
	keyFlags
	Key string `arg:"" help:"Public key: 32 hex digits."`
}

// Run turns a key off.
func (c *keyDisableCmd) Run(ctx context.Context) error {
	return c.with(ctx, "errata", func(s *queries.Store, p schema.Project) ([]schema.Key, error) {
		k, err := projects.DisableKey(ctx, s.Conn(), p.ID, c.Key, true)
		return []schema.Key{k}, err
	})
}

type keyEnableCmd struct {
	keyFlags
	Key string `arg:"" help:"Public key: 32 hex digits."`
}

// Run turns a key on.
func (c *keyEnableCmd) Run(ctx context.Context) error {
	return c.with(ctx, "errata", func(s *queries.Store, p schema.Project) ([]schema.Key, error) {
		k, err := projects.DisableKey(ctx, s.Conn(), p.ID, c.Key, false)
		return []schema.Key{k}, err
	})
}
