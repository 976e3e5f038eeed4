package main

import "errors"

type benchCmd struct{}

// Run is filled by the room that owns it.
func (c *benchCmd) Run() error { return errors.New("cannot run bench: this build has no such part") }
