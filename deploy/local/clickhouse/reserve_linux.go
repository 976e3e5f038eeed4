package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// reserve finds a port for the child and keeps it over its restarts: while no
// child listens, the kernel would give the port to the next listener or
// connection that asks for any, and no child could have it again as long as that
// lives. A socket that is bound and does not listen keeps it, and lets a
// listener in that names it.
func reserve(addr string) (*net.TCPAddr, io.Closer, error) {
	a, err := freeAddr(addr) // Nobody may listen there.
	if err != nil {
		return nil, nil, err
	}
	if strings.HasSuffix(addr, ":0") {
		a.Port = 0 // Any other: that one may be gone by now.
	}
	for started := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		bound, held, err := bind(a)
		if a.Port != 0 && errors.Is(err, syscall.EADDRINUSE) && time.Since(started) < portPatience {
			continue // Somebody's connection has the port for a moment.
		}
		if err != nil {
			return nil, nil, fmt.Errorf("cannot reserve %s: %w", addr, err)
		}
		return bound, held, nil
	}
}

// bind returns a socket bound to a; port 0 becomes one that is free.
func bind(a *net.TCPAddr) (*net.TCPAddr, io.Closer, error) {
	family, at := syscall.AF_INET6, syscall.Sockaddr(nil)
	if ip := a.IP.To4(); ip != nil {
		family, at = syscall.AF_INET, &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}
	} else {
		v6 := &syscall.SockaddrInet6{Port: a.Port}
		copy(v6.Addr[:], a.IP.To16())
		at = v6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	held := os.NewFile(uintptr(fd), "reserved port")
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, at)
	}
	if err == nil {
		at, err = syscall.Getsockname(fd)
	}
	if err != nil {
		_ = held.Close()
		return nil, nil, err
	}
	bound := &net.TCPAddr{IP: a.IP, Zone: a.Zone}
	switch at := at.(type) {
	case *syscall.SockaddrInet4:
		bound.Port = at.Port
	case *syscall.SockaddrInet6:
		bound.Port = at.Port
	}
	return bound, held, nil
}
