//go:build !linux

package clickhouse

import (
	"io"
	"net"
)

// reserve does nothing: other kernels let no listener beside a bound socket.
func reserve(*net.TCPAddr) (io.Closer, error) { return io.NopCloser(nil), nil }
