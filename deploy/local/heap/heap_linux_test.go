package heap

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The kernel was asked for large pages where whole ones fit, and what was asked for
// is not held.
func TestLarge(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		t.Skip("this kernel has no large pages: ", err)
	}
	room := make([]byte, 8<<20)
	require.NoError(t, advise(room))
	require.Contains(t, flagsAt(t, uintptr(unsafe.Pointer(&room[len(room)/2]))), " hg")
	require.NoError(t, advise(room[:100]), "no whole page is no error")
	runtime.KeepAlive(room)

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	require.NoError(t, Large(64<<20, 0))
	runtime.ReadMemStats(&after)
	require.GreaterOrEqual(t, after.HeapIdle, uint64(56<<20))
	require.Less(t, after.HeapAlloc, before.HeapAlloc+(8<<20))
}

// What counts as live has no pages, and what was filled stays, since the heap may
// grow into it.
func TestFloor(t *testing.T) {
	const inside = "ERRATA_TEST_YOUNG_HEAP"
	if os.Getenv(inside) == "" { // In a process of its own: this one's heap is not young.
		cmd := exec.Command(os.Args[0], "-test.run", "^TestFloor$")
		cmd.Env = append(os.Environ(), inside+"=1", "GOGC=100")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	runtime.GC()
	before := resident(t)
	defer runtime.KeepAlive(Floor(64 << 20))
	runtime.GC()
	require.Less(t, resident(t), before+(16<<20))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	require.GreaterOrEqual(t, m.NextGC, uint64(128<<20))

	require.NoError(t, Large(64<<20, 32<<20))
	time.Sleep(100 * time.Millisecond) // Go gives back what it does not need, a little at a time.
	require.GreaterOrEqual(t, resident(t), before+(24<<20))
}

// resident is what this process has in memory, in bytes.
func resident(t *testing.T) uint64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, pages uint64
	_, err = fmt.Sscan(string(raw), &size, &pages)
	require.NoError(t, err)
	return pages * uint64(os.Getpagesize())
}

// flagsAt returns the flags of the mapping that holds an address.
func flagsAt(t *testing.T, address uintptr) string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	found := false
	for s := bufio.NewScanner(f); s.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(s.Text(), "%x-%x ", &from, &to); n == 2 {
			found = from <= address && address < to
		} else if flags, ok := strings.CutPrefix(s.Text(), "VmFlags:"); ok && found {
			return flags
		}
	}
	t.Fatal("the kernel does not tell of the mapping")
	return ""
}
