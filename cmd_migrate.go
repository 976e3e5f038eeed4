package main

import "errors"

type migrateCmd struct{}

// Run is filled by the room that owns it.
func (c *migrateCmd) Run() error {
	return errors.New("cannot run migrate: this build has no such part")
}
