package clickhouse

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// reserve keeps a port for the child over its restarts: while no child listens,
// the kernel would give the port to the next listener or connection that asks
// for any, and no child could have it again as long as that lives. A socket that
// is bound and does not listen keeps it, and lets a listener in that names it.
func reserve(a *net.TCPAddr) (io.Closer, error) {
	family, at := syscall.AF_INET6, syscall.Sockaddr(nil)
	if ip := a.IP.To4(); ip != nil {
		family, at = syscall.AF_INET, &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}
	} else {
		at = &syscall.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP.To16())}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot reserve %s: %w", a, err)
	}
	held := os.NewFile(uintptr(fd), "reserved "+a.String())
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, at)
	}
	if err != nil {
		_ = held.Close()
		return nil, fmt.Errorf("cannot reserve %s: %w", a, err)
	}
	return held, nil
}
