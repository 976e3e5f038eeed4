//go:build !linux

package clickhouse

import (
	"io"
	"net"
)

// reserve finds a port for the child. It is not kept while no child listens:
// other kernels let no listener beside a bound socket.
func reserve(addr string) (*net.TCPAddr, io.Closer, error) {
	a, err := freeAddr(addr)
	return a, io.NopCloser(nil), err
}
