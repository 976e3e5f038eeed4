package main

import "errors"

type whereCmd struct{}

// Run is filled by the room that owns it.
func (c *whereCmd) Run() error { return errors.New("cannot run where: this build has no such part") }
