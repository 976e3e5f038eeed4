// Package heap makes a young process's heap what it is after minutes of load. In:
// how much of it. Out: the same heap on large pages, which are found with fewer and
// shorter walks of page tables, some of them there before the first request, and
// no collection for each few megabytes. Where the kernel has no large pages they
// stay small.
package heap

import (
	"os"
	"runtime"
)

// pageBytes is a large page on the machines that have them.
const pageBytes = 2 << 20

// Floor has collections begin as if that many bytes more were live, as long as what
// it returns is kept: a heap of ten megabytes is collected each second under load,
// and each time requests wait. It is never touched, so that no page is behind it. Go
// keeps what such a heap may grow to; Large fills it.
func Floor(bytes int) []byte { return make([]byte, bytes) }

// Large asks for large pages under the next bytes of the heap, and has the first of
// them filled: what a page costs when it is touched first is paid before requests
// come. Call it before there is much in the heap. The room is given back: Go fills
// freed room first, and what the kernel was asked for stays with the addresses.
func Large(bytes, filled int) error {
	room := make([]byte, bytes)
	err := advise(room)
	for i := 0; i < min(filled, bytes); i += os.Getpagesize() {
		room[i] = 1
	}
	runtime.KeepAlive(room)
	runtime.GC() // It is found free.
	return err
}
