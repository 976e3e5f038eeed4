package heap

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// advise asks for large pages where whole ones fit.
func advise(room []byte) error {
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(room))) % pageBytes)
	n := (len(room) - skip) / pageBytes * pageBytes
	if n <= 0 {
		return nil
	}
	if err := unix.Madvise(room[skip:skip+n], unix.MADV_HUGEPAGE); err != nil {
		return fmt.Errorf("cannot ask for large pages: %w", err)
	}
	return nil
}
