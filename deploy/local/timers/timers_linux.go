package timers

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// begun is set in the program that was begun again: where the kernel did not keep
// the slack, it is not tried for ever.
const begun = "ERRATA_TIMER_SLACK"

// usual is the slack that the kernel gives to who did not ask for another one.
const usual = 50 * time.Microsecond

// Late lets timers of all threads of this process, and of its children, be late by
// slack. A thread has the slack of the one that made it, and the watcher is there
// before any code of ours runs: so the program is begun again, under the same id,
// and Late returns in it. Call it before anything else is done.
func Late(slack time.Duration) error {
	if _, again := os.LookupEnv(begun); again {
		return os.Unsetenv(begun)
	}
	runtime.LockOSThread() // The slack is this thread's, and what it executes has it.
	defer runtime.UnlockOSThread()
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return fmt.Errorf("cannot find how late timers may be: %w", err)
	}
	if time.Duration(now) != usual {
		return nil // As a service manager may have it.
	}
	self, err := os.Executable() // Under its own name, by which people find it.
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil {
		return fmt.Errorf("cannot let timers be late: %w", err)
	}
	err = unix.Exec(self, os.Args, append(os.Environ(), begun+"=1"))
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // The usual one again.
	return fmt.Errorf("cannot begin this program again: %w", err)
}
