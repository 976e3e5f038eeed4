package main

import "errors"

type clickhouseChildCmd struct{}

// Run is filled by the room that owns it.
func (c *clickhouseChildCmd) Run() error {
	return errors.New("cannot run clickhouse-child: this build has no such part")
}
