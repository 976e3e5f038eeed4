package main

import "errors"

type ingestCmd struct{}

// Run is filled by the room that owns it.
func (c *ingestCmd) Run() error { return errors.New("cannot run ingest: this build has no such part") }
