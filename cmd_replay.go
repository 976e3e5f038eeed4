package main

import "errors"

type replayCmd struct{}

// Run is filled by the room that owns it.
func (c *replayCmd) Run() error { return errors.New("cannot run replay: this build has no such part") }
