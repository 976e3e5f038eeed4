package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"errata/deploy/local/folder"
	"errata/deploy/local/supervise"
)

// How long a child waits for the one before it to leave the folder, and for
// the engine to shut down after it was asked to.
const (
	lockTimeout = 40 * time.Second
	lockStep    = 100 * time.Millisecond // Between two looks at the parent.
	stopTimeout = 25 * time.Second
)

// Child is the command line of the child process.
type Child struct {
	Dir     string `help:"Folder with config.xml." required:""`
	Library string `help:"File libchdb.so." xor:"engine"`
	Binary  string `help:"A clickhouse binary." xor:"engine"`
}

// Run serves until the parent's end of the lifeline closes or a signal asks
// for it. It returns nil after a clean shutdown.
func (c Child) Run() error {
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		awaitStop()
	}()
	held, err := c.lock(stop)
	if held == nil {
		return err
	}
	defer func() { _ = held.Close() }()
	// Tables of the system database live in memory, their folders do not: a
	// second start would stumble over them.
	if err := os.RemoveAll(filepath.Join(c.Dir, "data", "data", "system")); err != nil {
		return fmt.Errorf("cannot remove old system tables: %w", err)
	}
	forgotten, err := forgetUnfinished(filepath.Join(c.Dir, "data"))
	if err != nil {
		return err
	}
	if forgotten > 0 {
		fmt.Fprintf(os.Stderr, "forgot %d blocks that were noted but not stored when the server was killed\n", forgotten)
	}
	if c.Binary != "" {
		return c.runBinary(stop, held)
	}
	return c.runLibrary(stop)
}

// lock waits for whoever has the folder. It is nil without an error where the
// parent is gone meanwhile: a store that is killed again and again would leave
// as many that wait behind, and one of them would take the folder, and start an
// engine in it, after a later store had been stopped.
func (c Child) lock(stop <-chan struct{}) (*os.File, error) {
	for end := time.Now().Add(lockTimeout); ; {
		held, err := folder.Lock(c.Dir, lockStep)
		select {
		case <-stop:
			if held != nil {
				_ = held.Close()
			}
			return nil, nil
		default:
		}
		if !errors.Is(err, folder.ErrInUse) || time.Now().After(end) {
			return held, err
		}
	}
}

// awaitStop returns when the parent is gone or wants an end, or on a signal.
// SIGINT is left to the parent, which ends its parts in order.
func awaitStop() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT)
	orphaned := make(chan struct{})
	go func() {
		lifeline := os.NewFile(supervise.LifelineFD, "lifeline")
		_, _ = io.Copy(io.Discard, lifeline)
		close(orphaned)
	}()
	select {
	case <-signals:
	case <-orphaned:
	}
}

func (c Child) runBinary(stop <-chan struct{}, held *os.File) error {
	cmd := exec.Command(c.Binary, "server", "--config-file="+filepath.Join(c.Dir, "config.xml"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// The server holds the lock too: the folder is free when both are gone.
	cmd.ExtraFiles = []*os.File{held}
	// The thread that starts the server must live as long as this process, for
	// the kernel ends the server when that thread ends.
	runtime.LockOSThread()
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", c.Binary, err)
	}
	go yieldMerges(cmd.Process.Pid, stop)
	ended := make(chan struct{})
	var exit error
	go func() { exit = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
		return fmt.Errorf("cannot go on: %s ended: %w", c.Binary, errors.Join(exit, io.ErrUnexpectedEOF))
	case <-stop:
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
		return nil
	case <-time.After(stopTimeout):
		_ = cmd.Process.Kill()
		<-ended
		return fmt.Errorf("cannot stop %s in %s: killed it", c.Binary, stopTimeout)
	}
}
