package ingest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestALargeBodyIsReadToItsEnd demands an answer for a body that is refused long
// before its end: most clients read none before they have sent all.
func TestALargeBodyIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	e := start(t)
	const size = 45 << 20
	head := fmt.Sprintf("{}\n{\"type\":\"event\",\"length\":%d}\n", size)
	conn, err := net.Dial("tcp", e.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-Sentry-Auth: %s\r\nContent-Length: %d\r\n\r\n%s", auth, len(head)+size, head)
	require.NoError(t, err)
	_, err = io.Copy(conn, io.LimitReader(zeros{'a'}, size))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}
