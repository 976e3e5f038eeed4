package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// usage is what a process has spent so far, read from /proc. Where there is no
// /proc (macOS) nothing is known and the report says so.
type usage struct {
	cpu  float64 // Seconds, user and system.
	peak int64   // Bytes: VmHWM.
}

const clockTicks = 100 // USER_HZ, fixed on Linux.

func readUsage(pid int) (usage, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, false
	}
	_, rest, ok := strings.Cut(string(stat), ") ") // The command name may hold spaces.
	f := strings.Fields(rest)
	if !ok || len(f) < 13 {
		return usage{}, false
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	u := usage{cpu: (user + system) / clockTicks}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			u.peak = kb << 10
		}
	}
	return u, true
}

// meter follows processes over a run. A process that was killed and came back
// under another id is not followed: chaos runs report no CPU.
type meter struct {
	mu    sync.Mutex
	first map[string]usage
	last  map[string]usage
	pids  map[string]int
}

func newMeter(pids map[string]int) *meter {
	m := &meter{first: map[string]usage{}, last: map[string]usage{}, pids: pids}
	for name, pid := range pids {
		if u, ok := readUsage(pid); ok {
			m.first[name], m.last[name] = u, u
		}
	}
	return m
}

func (m *meter) sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, pid := range m.pids {
		if u, ok := readUsage(pid); ok && u.cpu >= m.last[name].cpu {
			m.last[name] = u
		}
	}
}

// Process is what one process of the store spent during the run.
type Process struct {
	Name       string  `json:"name"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakBytes  int64   `json:"peak_bytes"`
}

func (m *meter) spent() (out []Process, total float64) {
	m.sample()
	for name, l := range m.last {
		p := Process{Name: name, CPUSeconds: l.cpu - m.first[name].cpu, PeakBytes: l.peak}
		total += p.CPUSeconds
		out = append(out, p)
	}
	return out, total
}

// every calls f each interval until stop is closed.
func every(interval time.Duration, stop <-chan struct{}, f func()) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			f()
		}
	}
}
