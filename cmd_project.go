package main

import "errors"

type projectCmd struct{}

// Run is filled by the room that owns it.
func (c *projectCmd) Run() error {
	return errors.New("cannot run project: this build has no such part")
}
