package main

import (
	"context"
	"fmt"
	"os"

	"errata/command/connect"
	"errata/command/show"
)

type whereCmd struct {
	connect.Flags
	JSON    bool   `help:"Print an array of row objects." name:"json"`
	EventID string `arg:"" name:"event_id" help:"Event id, or id of a check-in: 32 hex digits, with or without dashes."`
}

// Run says what became of an event.
func (c *whereCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "reader")
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.Run(ctx, "where_event", map[string]string{"event_id": c.EventID})
	if err != nil {
		return err
	}
	if len(r.Rows) == 0 && !c.JSON {
		fmt.Printf("No event %s is known: it did not arrive, its key was refused, its fate is older than 14 days, it is still on its way (see `errata doctor` for lag), "+
			"or it came in a flood, of which events over the limit are counted without their ids (`errata query outcomes` tells their number as sampled).\n", c.EventID)
		return nil
	}
	return show.Records(os.Stdout, r, c.JSON)
}
