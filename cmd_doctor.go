package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries"
	"errata/queries/doctor"
	"errata/schema/tables"
)

type doctorCmd struct {
	connect.Flags
	JSON        bool   `help:"Print JSON." name:"json"`
	CheckCounts bool   `help:"Compare every rollup with the raw rows."`
	Disk        bool   `help:"Report where the disk goes."`
	Expire      bool   `help:"Drop partitions whose retention is over now, instead of at the next merge."`
	Project     uint32 `help:"Of --check-counts: one project id; 0 for all."`
	Group       string `help:"Consumer group." default:"errata" env:"ERRATA_GROUP"`
	TopicPrefix string `help:"Text before each topic's name." env:"ERRATA_TOPIC_PREFIX"`
	HTTP        string `help:"host:port of the edge; default: that of the addresses file." name:"edge"`
}

// errSick makes the exit code 1.
var errSick = errors.New("the store needs attention: see the lines marked fail")

// Run looks the store over.
func (c *doctorCmd) Run(ctx context.Context) error {
	s, err := c.Open(ctx, "errata")
	if err != nil {
		if _, unknown := c.Login("errata"); unknown != nil || c.CheckCounts || c.Disk || c.Expire {
			return err
		}
		return c.withoutClickHouse(ctx, err)
	}
	defer s.Close()
	switch {
	case c.CheckCounts:
		return c.counts(ctx, s)
	case c.Disk:
		r, err := s.Run(ctx, "disk_report", nil)
		if err != nil {
			return err
		}
		return show.Result(os.Stdout, r, c.JSON)
	case c.Expire:
		dropped, err := queries.DropExpired(ctx, s.Conn())
		if err != nil {
			return err
		}
		return show.Result(os.Stdout, dropped, c.JSON)
	}
	cfg, err := c.Login("errata")
	if err != nil {
		return err
	}
	t, err := c.target()
	if err != nil {
		return err
	}
	t.Store, t.Schema = s, tables.Options{Database: c.Database, User: cfg.User, Password: cfg.Password}
	return c.print(doctor.Examine(ctx, t))
}

// withoutClickHouse still says how the other parts are: cause is why it cannot
// be asked.
func (c *doctorCmd) withoutClickHouse(ctx context.Context, cause error) error {
	t, err := c.target()
	if err != nil {
		return err
	}
	t.Away = cause
	return c.print(doctor.Examine(ctx, t))
}

// target is the parts beside ClickHouse.
func (c *doctorCmd) target() (doctor.Target, error) {
	t := doctor.Target{Group: c.Group, TopicPrefix: c.TopicPrefix, Edge: c.HTTP}
	if a, _, err := c.Locate(); err == nil && c.Clickhouse == "" && c.HTTP == "" {
		t.Edge = a.HTTP
	}
	if brokers, err := c.Brokers(); err == nil {
		t.Brokers = brokers
		if t.TLS, t.SASL, err = c.KafkaSecurity(); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (c *doctorCmd) counts(ctx context.Context, s *queries.Store) error {
	r, verdict, err := doctor.Counts(ctx, s, c.Project)
	if err != nil {
		return err
	}
	if err := show.Result(os.Stdout, r, c.JSON); err != nil {
		return err
	}
	switch verdict {
	case doctor.Fail:
		return errors.New("cannot vouch for the counts: rollups and raw rows differ, see the lines above")
	case doctor.Warn:
		return errors.New("cannot vouch for the counts: rows come in too fast to be compared; ask again when less does, a difference that stays is a defect")
	}
	return nil
}

func (c *doctorCmd) print(found []doctor.Finding) error {
	sick := false
	for _, f := range found {
		sick = sick || f.Verdict == doctor.Fail
	}
	if c.JSON {
		if err := show.JSON(os.Stdout, found); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Printf("%-5s %-14s %s\n", f.Verdict, f.Check, show.Visible(f.Detail))
			if f.Next != "" {
				fmt.Printf("%-5s %-14s -> %s\n", "", "", f.Next)
			}
		}
	}
	if sick {
		return errSick
	}
	return nil
}
