package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries"
	"errata/queries/catalog"
	"errata/queries/projects"
)

type queryCmd struct {
	connect.Flags
	JSON     bool              `help:"Print an array of row objects." name:"json"`
	Param    map[string]string `help:"A parameter: --param name=value; may be repeated." mapsep:"none"`
	Describe bool              `help:"Say what the query is for: parameters, columns, cost."`
	Name     string            `arg:"" optional:"" help:"Name of the query; none lists them all."`
	Given    []string          `arg:"" optional:"" name:"parameter=value" help:"Its parameters, such as project=shop from=-24h; project is a slug or id, by default the only project, or default."`
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
	params, err := c.params()
	if err != nil {
		return err
	}
	if err := pick(ctx, s, q, params); err != nil {
		return err
	}
	r, err := s.Run(ctx, c.Name, params)
	if err != nil {
		return err
	}
	return show.Result(os.Stdout, r, c.JSON)
}

// params are those of --param and those that stand behind the name of the query.
func (c *queryCmd) params() (map[string]string, error) {
	all := map[string]string{}
	maps.Copy(all, c.Param)
	for _, given := range c.Given {
		name, value, ok := strings.Cut(given, "=")
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("cannot run query %s: parameter %s is given twice", c.Name, name)
		}
		if !ok {
			return nil, fmt.Errorf("cannot run query %s: %q is no parameter: write parameter=value (`errata query %s --describe` names them)", c.Name, given, c.Name)
		}
		all[name] = value
	}
	return all, nil
}

// pick puts the id of a project where its slug stands, or none where the query needs one.
func pick(ctx context.Context, s *queries.Store, q *catalog.Query, params map[string]string) error {
	i := slices.IndexFunc(q.Params, func(p catalog.Param) bool { return p.Name == "project" })
	if i < 0 {
		return nil
	}
	slug, given := params["project"]
	if _, err := strconv.ParseUint(slug, 10, 32); err == nil || (!given && !q.Params[i].Required) {
		return nil
	}
	id, err := projects.Pick(ctx, s.Conn(), slug)
	if err != nil {
		return fmt.Errorf("cannot run query %s: %w", q.Name, err)
	}
	params["project"] = strconv.FormatUint(uint64(id), 10)
	return nil
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
