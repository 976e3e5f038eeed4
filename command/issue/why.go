package issue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"errata/command/connect"
	"errata/command/rules"
	"errata/command/show"
	"errata/queries/projects"
	"errata/queries/regroup"
	"errata/schema/grouping"
	"errata/schema/grouping/payload"
)

type whyCmd struct {
	connect.Flags
	JSON    bool   `help:"Print JSON: the whole tree." name:"json"`
	EventID string `arg:"" help:"32 hex digits, with or without dashes."`
	Rules   string `help:"Explain by the rules of this file instead of the project's." type:"existingfile"`
	All     bool   `help:"Show what did not count as well, library frames too."`
}

// Run explains why an event is in its issue.
func (c *whyCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.Run(ctx, "event_by_id", map[string]string{"event_id": c.EventID})
	if err != nil {
		return err
	}
	if len(r.Rows) == 0 {
		return fmt.Errorf("cannot explain event %s: no such event is stored (see `errata where %s`)", c.EventID, c.EventID)
	}
	one := func(name string) string { return fmt.Sprint(r.Column(name)[0]) }
	raw := one("payload")
	if raw == "" {
		return errors.New("cannot explain the event: it is a counted row of a flood and has no payload; ask for another event of its issue " + one("issue"))
	}
	in, err := payload.Stored([]byte(raw), one("platform"), one("type"))
	if err != nil {
		return err
	}
	p, err := projects.BySlug(ctx, s.Conn(), one("project_id"))
	if err != nil {
		return err
	}
	by, err := regroup.Rules(p)
	if err != nil {
		return err
	}
	if c.Rules != "" {
		if by, err = rules.Read(c.Rules); err != nil {
			return err
		}
	}
	g, err := grouping.New(by)
	if err != nil {
		return err
	}
	e := g.Explain(in)
	if c.JSON {
		return show.JSON(os.Stdout, map[string]any{
			"event_id": one("event_id"), "issue": one("issue"), "stored_version": one("grouping_version"), "stored_reason": one("grouping_reason"),
			"fingerprint": grouping.Hex(e.Result.Hashes[0]), "component": e.Result.Component, "explanation": e,
		})
	}
	fmt.Printf("event    %s\nissue    %s  %s\nstored   %s: %s\n", one("event_id"), one("issue"), one("title"), one("grouping_version"), one("grouping_reason"))
	fmt.Printf("now      %s: fingerprint %s by %s\n\n", e.Version, grouping.Hex(e.Result.Hashes[0]), e.Result.Component)
	printNode(os.Stdout, &e.Root, 0, c.All)
	return nil
}

// printNode writes a component and what is below it. A star marks what counted.
func printNode(w io.Writer, n *grouping.Node, depth int, all bool) {
	if !n.Contributes && n.Name == "frame" && !all {
		return
	}
	mark := " "
	if n.Contributes {
		mark = "*"
	}
	line := strings.Repeat("  ", depth) + mark + " " + n.Name
	var values []string
	for _, v := range n.Values {
		if v != "" {
			values = append(values, show.Shorten(v, show.MaxCell))
		}
	}
	if len(values) > 0 {
		line += ": " + strings.Join(values, " | ")
	}
	if n.Hint != "" && depth > 0 {
		line += "  (" + n.Hint + ")"
	}
	fmt.Fprintln(w, line)
	for i := range n.Children {
		printNode(w, &n.Children[i], depth+1, all)
	}
}
