package clickhouse_test

import (
	"net"
	"strings"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
)

// TestWrongLogins are refused without an end of the engine, which aborts by
// itself on each of these.
func TestWrongLogins(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t)
	good := seed(t, s)
	pid := s.PID()
	for name, tc := range map[string]struct {
		auth ch.Auth
		want string
	}{
		"a wrong password":   {ch.Auth{Username: "errata", Password: "wrong"}, "Authentication failed"},
		"no password":        {ch.Auth{Username: "reader"}, "Authentication failed"},
		"an unknown user":    {ch.Auth{Username: "nobody", Password: "x"}, "Authentication failed"},
		"default with one":   {ch.Auth{Username: "default", Password: "x"}, "Authentication failed"},
		"no such database":   {ch.Auth{Username: "errata", Password: clickhousetest.Passwords["errata"], Database: "nope"}, "Database nope does not exist"},
		"a hostile database": {ch.Auth{Username: "errata", Password: clickhousetest.Passwords["errata"], Database: "x' OR 1=1 --"}, "does not exist"},
		"a very long name":   {ch.Auth{Username: strings.Repeat("x", 1<<16), Password: "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			db := ch.OpenDB(&ch.Options{Addr: []string{s.Addr()}, Auth: tc.auth, DialTimeout: 5 * time.Second})
			defer func() { _ = db.Close() }()
			for range 3 {
				require.ErrorContains(t, db.PingContext(t.Context()), tc.want)
			}
		})
	}
	for name, bytes := range map[string]string{
		"HTTP":            "GET / HTTP/1.1\r\n\r\n",
		"noise":           "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"half a hello":    "\x00\x05clie",
		"a query at once": "\x01\x00",
		"nothing":         "",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.Addr())
			require.NoError(t, err)
			_, err = conn.Write([]byte(bytes))
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		})
	}
	for _, tc := range []struct {
		user, database string
	}{{"errata", "errata"}, {"reader", "errata"}, {"triage", ""}, {"errata", "default"}, {"default", ""}} {
		db := ch.OpenDB(&ch.Options{Addr: []string{s.Addr()}, Auth: ch.Auth{
			Username: tc.user, Password: clickhousetest.Passwords[tc.user], Database: tc.database,
		}})
		require.NoError(t, db.PingContext(t.Context()), "%v", tc)
		require.NoError(t, db.Close())
	}
	mustExec(t, good, "INSERT INTO errata.events SELECT number FROM numbers(100000)")
	require.EqualValues(t, 101000, count(t, good, "SELECT count() FROM errata.events"))
	require.Equal(t, pid, s.PID())
	require.Zero(t, s.Restarts())
}
