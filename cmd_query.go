package main

import "errors"

type queryCmd struct{}

// Run is filled by the room that owns it.
func (c *queryCmd) Run() error { return errors.New("cannot run query: this build has no such part") }
