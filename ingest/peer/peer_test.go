package peer_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/ingest/peer"
)

// pair is a client and the server's end of its connection.
func pair(t *testing.T) (client net.Conn, server *peer.Conn, sets *counting) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	sets = &counting{Listener: inner}
	l := peer.Listen(sets)
	t.Cleanup(func() { _ = l.Close() })
	client, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return client, c.(*peer.Conn), sets
}

// counting counts the deadlines that reach the runtime.
type counting struct {
	net.Listener
	n int
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &countingConn{c, l}, err
}

type countingConn struct {
	net.Conn
	l *counting
}

func (c *countingConn) SetReadDeadline(t time.Time) error {
	c.l.n++
	return c.Conn.SetReadDeadline(t)
}

func (c *countingConn) SetWriteDeadline(t time.Time) error {
	c.l.n++
	return c.Conn.SetWriteDeadline(t)
}

func TestDeadlinesOfManyRequestsAreSetOnce(t *testing.T) {
	t.Parallel()
	client, server, sets := pair(t)
	require.Equal(t, "127.0.0.1", peer.IP(server))
	require.Equal(t, "127.0.0.1", peer.IP(client))
	b := make([]byte, 1)
	for range 50 {
		require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Minute)))
		require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err := client.Write(b)
		require.NoError(t, err)
		_, err = server.Read(b)
		require.NoError(t, err)
		require.NoError(t, server.SetWriteDeadline(time.Now().Add(time.Hour)))
		_, err = server.Write(b)
		require.NoError(t, err)
	}
	require.Equal(t, 2, sets.n)
}

func TestALaterDeadlineHolds(t *testing.T) {
	t.Parallel()
	client, server, _ := pair(t)
	for _, asked := range []time.Time{time.Now().Add(time.Hour), {}} {
		require.NoError(t, server.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
		require.NoError(t, server.SetReadDeadline(asked))
		go func() {
			time.Sleep(30 * time.Millisecond) // The first one ends while the read waits.
			_, _ = client.Write([]byte("x"))
		}()
		n, err := server.Read(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	// One that is over before the read begins.
	require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Millisecond)))
	time.Sleep(5 * time.Millisecond)
	require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Hour)))
	_, err := client.Write([]byte("y"))
	require.NoError(t, err)
	n, err := server.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestASoonerDeadlineEndsARead(t *testing.T) {
	t.Parallel()
	_, server, _ := pair(t)
	require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Hour)))
	require.NoError(t, server.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
	_, err := server.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	// One that is asked for while a read waits, by another goroutine.
	require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Hour)))
	go func() {
		time.Sleep(10 * time.Millisecond)
		_ = server.SetDeadline(time.Unix(1, 0))
	}()
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = server.Write([]byte("x"))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// A write that is cut by the runtime's deadline goes on where it was.
func TestALongWriteIsWhole(t *testing.T) {
	t.Parallel()
	client, server, _ := pair(t)
	sent := make([]byte, 32<<20)
	for i := range sent {
		sent[i] = byte(i % 251)
	}
	require.NoError(t, server.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	require.NoError(t, server.SetWriteDeadline(time.Now().Add(time.Hour)))
	got := make(chan []byte, 1)
	go func() {
		time.Sleep(60 * time.Millisecond) // The kernel's buffers are full by then.
		b := make([]byte, len(sent))
		_, _ = io.ReadFull(client, b)
		got <- b
	}()
	n, err := server.Write(sent)
	require.NoError(t, err)
	require.Equal(t, len(sent), n)
	require.True(t, bytes.Equal(sent, <-got))
}
