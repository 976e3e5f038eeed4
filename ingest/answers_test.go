package ingest

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spoken is the answer to a request as its bytes stand.
func (e *edge) spoken(request string) string {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.Addr())
	require.NoError(e.t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(e.t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	require.NoError(e.t, err)
	// The edge waits for a client that it refuses for a while only, and may be gone by now.
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// TestAnswersSayWhatToDo sends what people set wrong: the answer names what it is
// about, its limit, and what to do.
func TestAnswersSayWhatToDo(t *testing.T) {
	e := start(t)
	envelope := "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-Sentry-Auth: " + auth + "\r\n"
	chunked := envelope + "Transfer-Encoding: chunked\r\n\r\n"
	addresses := "is not one of this store's addresses: Sentry's SDKs send to /api/PROJECT/envelope/, OpenTelemetry's exporters to /v1/traces, /v1/logs and /v1/metrics"
	cases := map[string]struct{ request, status, says string }{
		"headers too long":       {envelope + "Baggage: " + strings.Repeat("a=b,", 5000) + "\r\n\r\n", "431", `"causes":["the headers of a request have at most 16 KiB together: send fewer or shorter ones, baggage and cookies are the longest"]`},
		"a chunk without a size": {chunked + "zz\r\n", "400", `"causes":["the chunks of the body (Transfer-Encoding: chunked) cannot be read: each is its length in hex, a line end, as many bytes, a line end"]`},
		"a chunk too long":       {chunked + "2\r\n{}xx\r\n0\r\n\r\n", "400", "the chunks of the body"},
		"a body that ends early": {envelope + "Content-Length: 50\r\n\r\n{}", "400", "the connection ended in the middle of it"},
		"chunks that end early":  {chunked + "50\r\n{}", "400", "the connection ended before the body did"},
		"a name with a space":    {envelope + "Content Length: 2\r\n\r\n{}", "400", "the name of a header holds a space"},
		"a header in two lines":  {envelope + "X-A: b\r\n Content-Length: 2\r\n\r\n", "400", "a header goes on in a second line"},
		"a bare line end":        {envelope + "X-A: b\nX-B: c\r\nContent-Length: 0\r\n\r\n", "400", "ends without a carriage return"},
		"no path":                {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "404", "POST / " + addresses},
		"a path twice":           {"POST /v1/traces/v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "404", addresses},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			answer := e.spoken(c.request)
			require.Regexp(t, "^HTTP/1.1 "+c.status, answer)
			require.Contains(t, answer, c.says)
			require.Contains(t, answer, "Access-Control-Allow-Origin: *")
		})
	}
	body := sent(hexID(1), "x")
	require.Regexp(t, "^HTTP/1.1 200", e.spoken(fmt.Sprintf("%s%x\r\n%s\r\n0\r\n\r\n", chunked, len(body), body)))
}

// TestRefusedWhileItSends refuses clients that have not sent all of a request: each reads
// why, and then the end of the connection. A connection that is reset may lose the answer
// on its way.
func TestRefusedWhileItSends(t *testing.T) {
	t.Parallel()
	e := start(t, withSettings("", `{"quotas":[{"limit":0,"window_seconds":86400}]}`))
	head := func(key, more string) string {
		return "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-Sentry-Auth: Sentry sentry_key=" + key + "\r\n" + more
	}
	const megabytes = 2 << 20
	length := "Content-Length: " + strconv.Itoa(2*megabytes) + "\r\n\r\n"
	for name, c := range map[string]struct{ request, status string }{
		"a key that nobody has": {head(strings.Repeat("9", 32), length), "403"},
		"over a quota":          {head(testKey, length), "429"},
		"over a quota, chunks":  {head(testKey, "Transfer-Encoding: chunked\r\n\r\n400000\r\n"), "429"},
		"no address":            {strings.Replace(head(testKey, length), "/api/1/envelope/", "/nowhere", 1), "404"},
		"headers too long":      {head(testKey, "Baggage: "), "431"},
		"chunks without a size": {strings.Replace(head(otherKey, "Transfer-Encoding: chunked\r\n\r\n"), "/1/", "/2/", 1), "400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := func() (string, error) {
				conn, err := net.Dial("tcp", e.Addr())
				require.NoError(t, err)
				defer func() { _ = conn.Close() }()
				require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
				if _, err = io.WriteString(conn, c.request+strings.Repeat("z", megabytes)); err != nil {
					return "", err
				}
				answer, err := io.ReadAll(conn)
				return string(answer), err
			}
			var answer string
			var err error
			// The edge does not wait for a client for ever, and the machine may do other work.
			for began := time.Now(); time.Since(began) < 2*time.Minute; {
				if answer, err = one(); err == nil {
					break
				}
			}
			require.NoError(t, err)
			require.Regexp(t, "^HTTP/1.1 "+c.status, answer)
			require.Contains(t, answer, `"detail":"`)
		})
	}
}
