package clickhouse

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestListenWaitsForAPort(t *testing.T) {
	t.Parallel()
	held, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	time.AfterFunc(200*time.Millisecond, func() { _ = held.Close() })
	l, err := listen(held.Addr().String())
	require.NoError(t, err, "the port is free after a moment")
	require.NoError(t, l.Close())

	_, err = listen("127.0.0.1:99999")
	require.Error(t, err, "what is wrong otherwise is told at once")
}
