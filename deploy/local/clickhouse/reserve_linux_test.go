package clickhouse_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhouse"
	"errata/deploy/local/clickhousetest"
)

// TestPortsStayOverAKill asks the kernel for any port while the server is being
// started again, again and again, where "any" is one of the server's: whoever
// got it would keep the server away.
func TestPortsStayOverAKill(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t)
	db := seed(t, s)
	restarts := s.Restarts()
	pid := s.PID()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { return !alive(pid) }, 10*time.Second, time.Millisecond)
	tried := false
	require.Eventually(t, func() bool {
		for _, addr := range []string{s.EngineAddr(), s.HTTPAddr()} {
			at, err := net.ResolveTCPAddr("tcp", addr)
			require.NoError(t, err)
			l, err := anyOf(at.Port).Listen(context.Background(), "tcp", "127.0.0.1:0")
			if errors.Is(err, syscall.ENOPROTOOPT) {
				t.Skip("this kernel cannot be asked for a port of a range")
			}
			if err == nil {
				t.Cleanup(func() { _ = l.Close() })
			}
			require.ErrorIs(t, err, syscall.EADDRINUSE, "the kernel gave %s away", addr)
			tried = true
		}
		return s.Restarts() > restarts && db.PingContext(t.Context()) == nil
	}, time.Minute, 20*time.Millisecond)
	require.True(t, tried)
	require.EqualValues(t, 1000, count(t, db, "SELECT count() FROM errata.events"))
}

// anyOf has the kernel choose from one port where it would choose any.
func anyOf(port int) *net.ListenConfig {
	const ipLocalPortRange = 51 // IP_LOCAL_PORT_RANGE: the upper bound in the high half.
	return &net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var refused error
		err := c.Control(func(fd uintptr) {
			refused = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange, port<<16|port)
		})
		return errors.Join(err, refused)
	}}
}

// TestReservePort reserves ports of both families, any and given ones.
func TestReservePort(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "[::1]", "0.0.0.0", ""} {
		t.Run(host, func(t *testing.T) {
			a, held, err := clickhouse.Reserve(host + ":0")
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				t.Skip("this machine has no such address")
			}
			require.NoError(t, err)
			require.NotZero(t, a.Port)
			require.NotEmpty(t, a.IP)
			l, err := net.Listen("tcp", a.String())
			require.NoError(t, err, "who names a reserved port may listen")
			require.NoError(t, l.Close())
			require.NoError(t, held.Close())
			again, held, err := clickhouse.Reserve(a.String())
			require.NoError(t, err)
			require.Equal(t, a.Port, again.Port)
			require.NoError(t, held.Close())
		})
	}
}
