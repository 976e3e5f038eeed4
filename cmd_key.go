package main

import "errors"

type keyCmd struct{}

// Run is filled by the room that owns it.
func (c *keyCmd) Run() error { return errors.New("cannot run key: this build has no such part") }
