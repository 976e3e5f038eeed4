package main

import "errors"

type upCmd struct{}

// Run is filled by the room that owns it.
func (c *upCmd) Run() error { return errors.New("cannot run up: this build has no such part") }
