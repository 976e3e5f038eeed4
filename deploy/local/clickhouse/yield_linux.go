package clickhouse

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// niceness lets the edge answer first where both want the cores: a block being
// stored or a merge takes a core for a tenth of a second and more, and clients
// wait meanwhile. Nobody waits for these by the millisecond.
const niceness = 5

// yieldToEdge lowers the priority of this process. Linux keeps it by thread, new
// ones have that of whoever made them.
func yieldToEdge() error {
	// The kernel tells 20 less the niceness; asked for this process it cannot fail.
	own, _ := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	to := min(20-own+niceness, 19)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("cannot lower the priority of ClickHouse: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, id, to); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("cannot lower the priority of ClickHouse: %w", err)
		}
	}
	return nil
}
