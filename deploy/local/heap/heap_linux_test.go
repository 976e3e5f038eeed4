package heap

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
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
	require.NoError(t, Large(64<<20))
	runtime.ReadMemStats(&after)
	require.GreaterOrEqual(t, after.HeapIdle, uint64(56<<20))
	require.Less(t, after.HeapAlloc, before.HeapAlloc+(8<<20))
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
