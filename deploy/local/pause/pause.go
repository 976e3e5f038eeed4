// Package pause stops the processes of a group for a moment, so that nothing of
// their files changes. A group goes in; what goes out holds until it is ended.
// The one who asked may be killed at any point, and the moment may not last: a
// helper process stops the group, and lets it go on as soon as the other end of
// its pipe is closed, by whatever means, or its time is over.
package pause

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	// mostHeld is how long a group is held at most: clients of ClickHouse wait
	// meanwhile.
	mostHeld = time.Minute
	// stopping is how long a group may need until the last of its threads stands.
	stopping = 10 * time.Second
)

// said is the line by which the helper says that the group stands.
const said = "paused"

// errLong is what a group is let go with before its time.
var errLong = errors.New("it was held too long and let go")

// Helper is the command line of the helper process.
type Helper struct {
	Group int `help:"Process group to hold." required:""`
}

// Serve holds the group until in ends.
func (h Helper) Serve(in io.Reader, out io.Writer) error { return h.hold(in, out, mostHeld) }

func (h Helper) hold(in io.Reader, out io.Writer, most time.Duration) (err error) {
	if h.Group < 2 {
		return fmt.Errorf("cannot hold process group %d", h.Group)
	}
	// Ctrl-C of the one who asked closes the pipe, and that is what ends this.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(ended)
	}()
	if err := syscall.Kill(-h.Group, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("cannot hold process group %d: %w", h.Group, err)
	}
	defer func() {
		if e := syscall.Kill(-h.Group, syscall.SIGCONT); e != nil {
			err = errors.Join(err, fmt.Errorf("cannot let process group %d go on: %w", h.Group, e))
		}
	}()
	late := time.After(most)
	for deadline := time.Now().Add(stopping); ; time.Sleep(time.Millisecond) {
		stands, err := stands(h.Group)
		if err != nil {
			return fmt.Errorf("cannot see whether process group %d stands: %w", h.Group, err)
		}
		if stands {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cannot hold process group %d: it does not stand still", h.Group)
		}
	}
	if _, err := fmt.Fprintln(out, said); err != nil {
		return fmt.Errorf("cannot say that the group stands: %w", err)
	}
	select {
	case <-ended:
		return nil
	case <-late:
		return fmt.Errorf("cannot hold process group %d for over %s: %w", h.Group, most, errLong)
	}
}

// Pause is a group that stands.
type Pause struct {
	cmd   *exec.Cmd
	in    io.Closer
	said  *strings.Builder
	since time.Time
}

// Start has the helper, a command line that serves Helper, hold a group.
func Start(ctx context.Context, helper []string, group int) (*Pause, error) {
	p := &Pause{said: &strings.Builder{}}
	p.cmd = exec.Command(helper[0], append(helper[1:len(helper):len(helper)], "--group", fmt.Sprint(group))...) //nolint:gosec // This program itself.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stderr = p.said
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the helper: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != said || ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), p.End(), err)
	}
	p.since = time.Now()
	return p, nil
}

// End lets the group go on. An error says that it may not have stood all the time.
func (p *Pause) End() error {
	_ = p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("cannot hold the database still: %w: %s", err, strings.TrimSpace(p.said.String()))
	}
	return nil
}

// Held is how long the group stands.
func (p *Pause) Held() time.Duration { return time.Since(p.since) }
