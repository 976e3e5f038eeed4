package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries/catalog"
)

type queryCmd struct {
	connect.Flags
	JSON     bool              `help:"Print an array of row objects." name:"json"`
	Param    map[string]string `help:"A parameter: --param name=value; may be repeated." mapsep:"none"`
	Describe bool              `help:"Say what the query is for: parameters, columns, cost."`
	Name     string            `arg:"" optional:"" help:"Name of the query; none lists them all."`
}

// Run runs a query of the catalog, or says what there is.
func (c *queryCmd) Run(ctx context.Context) error {
	if c.Name == "" {
		return c.list()
	}
	q, err := catalog.Lookup(c.Name)
	if err != nil {
		return err
	}
	if c.Describe {
		return c.describe(q)
	}
	s, err := c.Open(ctx, q.User)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.Run(ctx, c.Name, c.Param)
	if err != nil {
		return err
	}
	return show.Result(os.Stdout, r, c.JSON)
}

func (c *queryCmd) list() error {
	all, err := catalog.All()
	if err != nil {
		return err
	}
	if c.JSON {
		return show.JSON(os.Stdout, all)
	}
	tw := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	for _, q := range all {
		fmt.Fprintf(tw, "%s\t%s\n", q.Name, show.Shorten(q.Purpose, 110))
	}
	return tw.Flush()
}

func (c *queryCmd) describe(q *catalog.Query) error {
	if c.JSON {
		return show.JSON(os.Stdout, q)
	}
	tw := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "%s: %s\n\nCost: %s\nBound: %s\n\nParameters\n", q.Name, q.Purpose, q.Cost, q.Bound)
	for _, p := range q.Params {
		need := "default " + fmt.Sprintf("%q", p.Default)
		if p.Required {
			need = "required"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", p.Name, p.Type, need, p.Purpose)
	}
	fmt.Fprintf(tw, "\nColumns\n")
	for _, f := range q.Columns {
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", f.Name, f.Type, f.Purpose)
	}
	return tw.Flush()
}
