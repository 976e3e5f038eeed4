package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mergeNiceness is by how much threads that merge are nicer than the others: on
// a few cores a merge of seconds otherwise takes turns with requests at the edge
// and with inserts. No answer waits for a merge.
const mergeNiceness = 10

// mergeThread is the name of threads that merge and mutate parts. They do
// nothing else as long as they live, so that they need not go back, which takes
// a privilege.
const mergeThread = "MergeMutate"

// yieldMerges keeps the merging threads of a process nicer than the others. The
// engine starts them when it needs them, so it looks again and again.
func yieldMerges(pid int, stop <-chan struct{}) {
	every := time.NewTicker(2 * time.Second)
	defer every.Stop()
	for {
		if err := niceThreads(pid, mergeThread, mergeNiceness); err != nil {
			fmt.Fprintln(os.Stderr, "errata: merges are not nicer than inserts and queries:", err)
			return
		}
		select {
		case <-every.C:
		case <-stop:
			return
		}
	}
}

// niceThreads makes the threads of that name nicer than their process.
func niceThreads(pid int, name string, by int) error {
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, pid)
	if err != nil {
		return fmt.Errorf("cannot read the niceness of process %d: %w", pid, err)
	}
	want := min(20-raw+by, 19) // The kernel returns 20 less the niceness.
	tasks := filepath.Join("/proc", strconv.Itoa(pid), "task")
	all, err := os.ReadDir(tasks)
	if err != nil {
		return fmt.Errorf("cannot list the threads of process %d: %w", pid, err)
	}
	for _, task := range all {
		comm, err := os.ReadFile(filepath.Join(tasks, task.Name(), "comm"))
		id, noID := strconv.Atoi(task.Name())
		if err != nil || noID != nil || strings.TrimSpace(string(comm)) != name {
			continue // Ended meanwhile, or another thread.
		}
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, id, want); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("cannot change the niceness of a thread: %w", err)
		}
	}
	return nil
}
