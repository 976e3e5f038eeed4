// Command child is the ClickHouse process of tests. The product has the same as
// its subcommand clickhouse-child; this one builds without the rest of it.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"errata/deploy/local/clickhouse"
	"errata/deploy/local/folder"
)

func main() {
	var err error
	if dir := os.Getenv("ERRATA_TEST_REMOVE"); dir != "" {
		err = remove(dir)
	} else {
		var c clickhouse.Child
		kong.Parse(&c)
		err = c.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "errata: "+err.Error())
		os.Exit(1)
	}
}

// remove takes a server's folder away once the test process, which holds the other
// end of the input, and the server, which holds the folder's lock, are gone,
// however they ended. Set only by the test package, for the folder that it made.
func remove(dir string) error {
	signal.Ignore(syscall.SIGINT) // Of a terminal, for the tests.
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return fmt.Errorf("cannot wait for the end of the tests: %w", err)
	}
	// Longer than the server may take to end.
	held, err := folder.Lock(dir, time.Minute)
	if err == nil {
		defer func() { _ = held.Close() }()
	}
	// Threads of the engine write until its process is gone, a moment after it
	// gave the lock back.
	for range 20 {
		err = os.RemoveAll(dir)
		time.Sleep(50 * time.Millisecond)
		if _, gone := os.Stat(dir); err == nil && errors.Is(gone, os.ErrNotExist) {
			return nil
		}
	}
	return fmt.Errorf("cannot remove the folder of a test's ClickHouse: %w", err)
}
