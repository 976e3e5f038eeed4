package main

import (
	"context"
	"os"
)

type sqlCmd struct {
	connectFlags
	JSON      bool   `help:"Print an array of row objects." name:"json"`
	Statement string `arg:"" help:"SQL, run as the read-only user. Tables: errata.issues, errata.events, errata.spans, errata.logs ..."`
}

// Run runs a statement as reader.
func (c *sqlCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.SQL(ctx, c.Statement)
	if err != nil {
		return err
	}
	return printResult(os.Stdout, r, c.JSON)
}
