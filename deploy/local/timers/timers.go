// Package timers has the kernel wake this process's threads for their timers up to
// a fraction of a millisecond late, so that several are woken as one. In: by how
// much. Out: the same program, begun again. It changes no timer's length by more, and
// where somebody has chosen already, or the kernel has no such thing, nothing changes.
//
// Go's watcher asks to be woken each 20 us while threads are in system calls, and a
// thread that looks for work sleeps 3 us before it takes another's: each of these
// costs more than what is done then (docs/adr/067).
package timers
