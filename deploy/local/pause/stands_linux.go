package pause

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stands says whether every thread of every process of a group is stopped: one
// that is in the kernel, such as to write, ends that first.
func stands(group int) (bool, error) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return false, err
	}
	for _, p := range all {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		_, of, err := status(filepath.Join("/proc", p.Name(), "stat"))
		if err != nil || of != group {
			continue // It is gone, or another's.
		}
		threads, err := filepath.Glob(filepath.Join("/proc", p.Name(), "task", "*", "stat"))
		if err != nil {
			return false, err
		}
		for _, t := range threads {
			state, _, err := status(t)
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return false, err
			case state != "T" && state != "t" && state != "Z" && state != "X":
				return false, nil
			}
		}
	}
	return true, nil
}

// status reads state and group of a stat file. The name before them, in
// parentheses, may hold anything.
func status(file string) (state string, group int, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", 0, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 3 {
		return "", 0, fs.ErrNotExist
	}
	group, err = strconv.Atoi(fields[2])
	return fields[0], group, err
}

// Command is the command line of a process, its arguments apart by spaces.
func Command(pid int) (string, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return strings.ReplaceAll(string(raw), "\x00", " "), err
}
