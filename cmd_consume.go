package main

import "errors"

type consumeCmd struct{}

// Run is filled by the room that owns it.
func (c *consumeCmd) Run() error {
	return errors.New("cannot run consume: this build has no such part")
}
