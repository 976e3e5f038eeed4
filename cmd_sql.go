package main

import "errors"

type sqlCmd struct{}

// Run is filled by the room that owns it.
func (c *sqlCmd) Run() error { return errors.New("cannot run sql: this build has no such part") }
