package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
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

// TestALargeAttachmentAsItIs demands the limit of attachments of a client that
// compresses nothing, however it sends.
func TestALargeAttachmentAsItIs(t *testing.T) {
	t.Parallel()
	const limit = 24 << 20
	e := start(t, func(c *Config) { c.MaxEnvelopeBytes = limit })
	envelope := func(size int) []byte {
		head := fmt.Sprintf("{}\n{\"type\":\"attachment\",\"filename\":\"x\",\"length\":%d}\n", size)
		return append([]byte(head), bytes.Repeat([]byte("0123456789abcdef"), size/16)...)
	}
	zip := func(b []byte) io.Reader { // As large as it is: files are compressed already.
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
		require.NoError(t, err)
		_, err = w.Write(b)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return &out
	}
	most := envelope(limit - 1<<10)
	most = append(most, bytes.Repeat([]byte("\n"), limit-len(most))...) // White space may follow.
	for name, c := range map[string]struct {
		body     io.Reader // A reader of no known type is sent in chunks.
		encoding string
		status   int
	}{
		"of a length that is told": {bytes.NewReader(envelope(18 << 20)), "identity", 200},
		"in chunks":                {io.MultiReader(bytes.NewReader(envelope(19 << 20))), "identity", 200},
		"gzip of files":            {zip(envelope(20 << 20)), "gzip", 200},
		"as large as allowed":      {bytes.NewReader(most), "identity", 200},
		"in chunks, as large":      {io.MultiReader(bytes.NewReader(most)), "identity", 200},
		"a byte more":              {bytes.NewReader(append(most, '\n')), "identity", 413},
		"in chunks, a byte more":   {io.MultiReader(bytes.NewReader(append(most, '\n'))), "identity", 413},
		"gzip, a byte more":        {zip(append(most, '\n')), "gzip", 413},
	} {
		r := e.send("POST", "http://"+e.Addr()+"/api/1/envelope/", c.body, "X-Sentry-Auth", auth, "Content-Encoding", c.encoding)
		require.Equal(t, c.status, r.status, "%s: %s", name, r.body)
	}
	require.True(t, e.bodies.Idle(), "all of the disk was given back")
	sizes := map[uint64]bool{}
	for _, record := range e.records(schema.TopicEvents) {
		for _, a := range record.Attachments {
			b, err := e.blobs.Get(t.Context(), a.Key)
			require.NoError(t, err)
			require.Len(t, b, int(a.Size))
			require.Equal(t, sha256.Sum256(bytes.Repeat([]byte("0123456789abcdef"), int(a.Size)/16)), sha256.Sum256(b))
			sizes[a.Size] = true
		}
	}
	require.Equal(t, map[uint64]bool{18 << 20: true, 19 << 20: true, 20 << 20: true, limit - 1<<10: true}, sizes)
}
