//go:build !linux

package pause

import (
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// stands gives what is in the kernel time to end, and then looks at each process.
func stands(group int) (bool, error) {
	time.Sleep(100 * time.Millisecond)
	out, err := exec.Command("ps", "-g", strconv.Itoa(group), "-o", "state=").Output()
	if err != nil {
		return false, err
	}
	for state := range strings.FieldsSeq(string(out)) {
		if state[0] != 'T' && state[0] != 'Z' {
			return false, nil
		}
	}
	return true, nil
}

// Command is the command line of a process, its arguments apart by spaces.
func Command(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out)), err
}
