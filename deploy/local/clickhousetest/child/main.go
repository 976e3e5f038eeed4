// Command child is the ClickHouse process of tests. The product has the same as
// its subcommand clickhouse-child; this one builds without the rest of it.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"errata/deploy/local/clickhouse"
)

func main() {
	var c clickhouse.Child
	kong.Parse(&c)
	err := c.Run()
	// Set only by the test package, for the folder that it made itself: the
	// server outlives the test process by a moment.
	if dir := os.Getenv("ERRATA_TEST_REMOVE"); dir != "" {
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "errata: "+err.Error())
		os.Exit(1)
	}
}
