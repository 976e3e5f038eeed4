// Package supervise keeps one child process running for as long as its parent
// lives. A command comes in; a process that is started again with backoff when
// it dies, and that is asked to end and then made to end on Stop, goes out. It
// never decides what the child does and never touches a process that it did
// not start.
//
// The parent holds the only write end of a pipe whose read end the child gets
// as file descriptor 3: when the parent ends, by whatever means, the child
// reads the end of the pipe and ends too.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// LifelineFD is the descriptor on which the child finds the read end of the
// pipe that its parent holds open.
const LifelineFD = 3

// Config says what to run and when to give up.
type Config struct {
	Name string // For messages.

	// Command makes a fresh, not yet started command for every attempt.
	Command func() *exec.Cmd

	// Output is the file that gets what the child prints, appended. A file and
	// not a pipe: the child must be able to print after its parent died. The
	// child's output is dropped where empty.
	Output string

	// Ready returns nil once the child answers. It is asked every 20 ms.
	Ready func(ctx context.Context) error

	ReadyTimeout time.Duration // Of the first start; 60 s where zero. Later ones, which mend what a crash left, get twice that.
	StopTimeout  time.Duration // Between asking and killing; 30 s where zero.
	MinBackoff   time.Duration // 100 ms where zero.
	MaxBackoff   time.Duration // 5 s where zero.

	Logger *slog.Logger
}

// Process is a supervised child. Its methods may be called from any goroutine.
type Process struct {
	cfg  Config
	stop chan struct{} // Closed by Stop.
	done chan struct{} // Closed when the child is gone for good.
	once sync.Once

	mu       sync.Mutex
	cmd      *exec.Cmd
	lifeline *os.File
	exited   chan struct{} // Of the child that runs now.
	exitErr  error         // How the last child ended.
	restarts int
}

// Start runs the command and returns when Ready says so. A child that ends or
// does not become ready in time before that is an error; later ends are
// answered by starting it again.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	setDefaults(&cfg)
	p := &Process{cfg: cfg, stop: make(chan struct{}), done: make(chan struct{})}
	if err := p.launch(); err != nil {
		return nil, err
	}
	exited := p.current()
	ctx, cancel := context.WithTimeout(ctx, cfg.ReadyTimeout)
	defer cancel()
	if err := p.waitReady(ctx, exited); err != nil {
		p.halt(exited)
		return nil, err
	}
	go p.keep()
	return p, nil
}

func setDefaults(cfg *Config) {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.ReadyTimeout, time.Minute)
	def(&cfg.StopTimeout, 30*time.Second)
	def(&cfg.MinBackoff, 100*time.Millisecond)
	def(&cfg.MaxBackoff, 5*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
}

// PID is the process id of the child that runs now, 0 between two.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Restarts counts how often the child had to be started again.
func (p *Process) Restarts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restarts
}

// Stop closes the lifeline, waits, and kills a child that does not end in
// time. It returns when the child is gone; a second call only waits.
func (p *Process) Stop() error {
	p.once.Do(func() { close(p.stop) })
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exitErr
}

func (p *Process) current() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

func (p *Process) launch() error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot make the lifeline of %s: %w", p.cfg.Name, err)
	}
	cmd := p.cfg.Command()
	cmd.ExtraFiles = append([]*os.File{read}, cmd.ExtraFiles...)
	// A group of its own: Ctrl-C in a terminal reaches the parent only, which
	// then ends its parts in the right order.
	setGroup(cmd)
	if p.cfg.Output != "" {
		out, err := os.OpenFile(p.cfg.Output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return errors.Join(fmt.Errorf("cannot open the output of %s: %w", p.cfg.Name, err), read.Close(), write.Close())
		}
		defer func() { _ = out.Close() }()
		cmd.Stdout, cmd.Stderr = out, out
	}
	err = cmd.Start()
	_ = read.Close()
	if err != nil {
		_ = write.Close()
		return fmt.Errorf("cannot start %s: %w", p.cfg.Name, err)
	}
	exited := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.lifeline, p.exited = cmd, write, exited
	p.mu.Unlock()
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.cmd, p.exitErr = nil, err
		p.mu.Unlock()
		_ = write.Close()
		close(exited)
	}()
	return nil
}

func (p *Process) waitReady(ctx context.Context, exited <-chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		select {
		case <-exited:
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Errorf("cannot start %s: it ended at once (%w)", p.cfg.Name, ended(p.exitErr))
		case <-ctx.Done():
			return fmt.Errorf("cannot start %s: not ready in time: %w", p.cfg.Name, errors.Join(ctx.Err(), last))
		case <-tick.C:
			if last = p.cfg.Ready(ctx); last == nil {
				return nil
			}
		}
	}
}

func ended(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// keep starts the child again until Stop. A child that stayed up for a while
// starts the backoff anew.
func (p *Process) keep() {
	defer close(p.done)
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.Multiplier = p.cfg.MinBackoff, p.cfg.MaxBackoff, 2
	started := time.Now()
	for {
		exited := p.current()
		select {
		case <-p.stop:
			p.halt(exited)
			return
		case <-exited:
		}
		p.mu.Lock()
		err := p.exitErr
		p.restarts++
		p.mu.Unlock()
		if time.Since(started) > 10*p.cfg.MaxBackoff {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		p.cfg.Logger.Warn("child ended, starting it again", "child", p.cfg.Name, "cause", ended(err), "pause", pause)
		select {
		case <-p.stop:
			// No child had to be stopped: how the last one ended was logged above.
			p.mu.Lock()
			p.exitErr = nil
			p.mu.Unlock()
			return
		case <-time.After(pause):
		}
		started = time.Now()
		if err := p.launch(); err != nil {
			p.cfg.Logger.Error("child does not start", "child", p.cfg.Name, "error", err)
			continue
		}
		p.awaitAgain()
	}
}

// awaitAgain returns when a child that was started again is ready, has ended or
// is to be stopped. One that is none of these in time hangs and is killed, for
// nothing else would notice.
func (p *Process) awaitAgain() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*p.cfg.ReadyTimeout)
	defer cancel()
	exited := p.current()
	go func() {
		select {
		case <-p.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := p.waitReady(ctx, exited); err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	p.cfg.Logger.Warn("child was started again and is not ready in time, killing it", "child", p.cfg.Name, "after", 2*p.cfg.ReadyTimeout)
	if cmd != nil {
		_ = cmd.Process.Kill()
	}
	<-exited
}

// halt asks the child to end by closing the lifeline and kills it when it does
// not.
func (p *Process) halt(exited <-chan struct{}) {
	p.mu.Lock()
	cmd := p.cmd
	_ = p.lifeline.Close()
	p.mu.Unlock()
	select {
	case <-exited:
	case <-time.After(p.cfg.StopTimeout):
		p.cfg.Logger.Warn("child does not end, killing it", "child", p.cfg.Name, "after", p.cfg.StopTimeout)
		if cmd != nil {
			_ = cmd.Process.Kill()
		}
		<-exited
	}
}
