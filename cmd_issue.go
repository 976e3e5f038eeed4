package main

import "errors"

type issueCmd struct{}

// Run is filled by the room that owns it.
func (c *issueCmd) Run() error { return errors.New("cannot run issue: this build has no such part") }
