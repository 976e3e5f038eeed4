package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"errata/command/show"
	"errata/deploy/local/backup"
	"errata/deploy/local/pause"
)

// errCluster says how the parts of a cluster are backed up.
var errCluster = errors.New("cannot do this with a cluster: this command is for the folder of errata up; docs/operations.md says how to use BACKUP and RESTORE of ClickHouse")

type backupCmd struct {
	File       string `arg:"" help:"File to make, such as errata-2026-11-28.tar.zst." type:"path"`
	Data       string `help:"Folder of errata up, which may run." default:"./errata-data" env:"ERRATA_DATA" type:"path"`
	Clickhouse string `hidden:"" env:"ERRATA_CLICKHOUSE"`
	JSON       bool   `help:"Print JSON." name:"json"`
}

// Run puts the whole store into one file, whether it runs or not.
func (c *backupCmd) Run(ctx context.Context) error {
	if c.Clickhouse != "" {
		return errCluster
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	s, err := backup.Save(ctx, c.Data, c.File, []string{self, "pause"}, progress("saved"))
	if err != nil {
		return err
	}
	if c.JSON {
		return show.JSON(os.Stdout, s)
	}
	if s.HeldMS > 0 {
		fmt.Printf("The store runs; its database stood for %.1f s.\n", float64(s.HeldMS)/1000)
	}
	fmt.Printf("%s holds %d files, %.1f MiB before compression, and passwords: keep it where only you can read it.\nRestore it with: errata restore %s --data NEW-FOLDER\n", c.File, s.Files, mib(s.Bytes), c.File)
	return nil
}

// pauseCmd is what errata backup starts to hold the database of a running store.
type pauseCmd struct{ pause.Helper }

// Run holds it until the one who asked is done, or gone.
func (c *pauseCmd) Run() error { return c.Serve(os.Stdin, os.Stdout) }

type restoreCmd struct {
	File       string `arg:"" help:"File that errata backup made." type:"path"`
	Data       string `help:"Folder to make; it must be empty or not there." default:"./errata-data" env:"ERRATA_DATA" type:"path"`
	Clickhouse string `hidden:"" env:"ERRATA_CLICKHOUSE"`
	JSON       bool   `help:"Print JSON." name:"json"`
}

// Run makes a store's folder from a backup.
func (c *restoreCmd) Run(ctx context.Context) error {
	if c.Clickhouse != "" {
		return errCluster
	}
	s, err := backup.Restore(ctx, c.File, c.Data, progress("restored"))
	if err != nil {
		return err
	}
	if c.JSON {
		return show.JSON(os.Stdout, s)
	}
	fmt.Printf("%s is as it was at %s: %d files, %.1f MiB.\nStart it with: errata up --data %s\n", c.Data, s.Created.Format("2006-01-02 15:04:05 UTC"), s.Files, mib(s.Bytes), c.Data)
	return nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// progress says every second how far it is.
func progress(verb string) func(backup.Summary) {
	last := time.Now()
	return func(s backup.Summary) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "%s %d files, %.0f MiB\n", verb, s.Files, mib(s.Bytes))
		}
	}
}
