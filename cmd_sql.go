package main

import (
	"context"
	"os"

	"errata/command/connect"
	"errata/command/show"
)

type sqlCmd struct {
	connect.Flags
	JSON      bool   `help:"Print an array of row objects." name:"json"`
	Statement string `arg:"" help:"SQL, run as the read-only user. Tables: errata.issues, errata.events, errata.spans, errata.logs ..."`
}

// Run runs a statement as reader.
func (c *sqlCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.SQL(ctx, c.Statement)
	if err != nil {
		return err
	}
	return show.Result(os.Stdout, r, c.JSON)
}
