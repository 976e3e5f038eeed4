package body

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"errata/ingest/inflate"
	"errata/ingest/intake"
)

// serve answers with the body that a Reader gave, or with the refusal's status
// and reason.
func serve(t *testing.T, limit int64, watch func() inflate.Watch) (*Reader, string) {
	r := New(Config{
		Folder: t.TempDir(), MaxRaw: limit + 1024, MaxBytes: limit, SmallBytes: 64 << 20, Turns: 1, ReadTimeout: 5 * time.Second,
		Logger: slog.New(slog.DiscardHandler), Came: func(int) {},
	})
	app := fiber.New(fiber.Config{StreamRequestBody: true, DisablePreParseMultipartForm: true, BodyLimit: int(limit) + 1024, DisableStartupMessage: true})
	app.Post("/", func(c *fiber.Ctx) error {
		b, err := r.Read(c, limit, watch)
		if e, ok := errors.AsType[*intake.Error](err); ok {
			return c.Status(e.Status).SendString(e.Reason)
		}
		if err != nil {
			return c.Status(http.StatusTeapot).SendString(err.Error())
		}
		defer b.Release()
		return c.Send(bytes.Clone(b.Bytes)) // The answer is written after Release.
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = app.Listener(l) }()
	t.Cleanup(func() { _ = app.Shutdown() })
	return r, "http://" + l.Addr().String() + "/"
}

func post(t *testing.T, to string, body io.Reader, encoding string) (int, []byte) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, body)
	require.NoError(t, err)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	req.Close = true
	got, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = got.Body.Close() }()
	b, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return got.StatusCode, b
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func TestRead(t *testing.T) {
	t.Parallel()
	const limit = 20 << 20
	noise := make([]byte, limit+1)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	r, to := serve(t, limit, nil)
	for _, c := range []struct {
		name     string
		body     []byte
		encoding string
		chunks   bool
		status   int
		want     []byte
	}{
		{"nothing", nil, "", false, 200, []byte{}},
		{"small", noise[:5<<10], "", false, 200, noise[:5<<10]},
		{"over what needs no asking", noise[:100<<10], "", false, 200, noise[:100<<10]},
		{"the same in chunks", noise[:100<<10], "", true, 200, noise[:100<<10]},
		{"of megabytes", noise[:5<<20], "", true, 200, noise[:5<<20]},
		{"in a file", noise[:18<<20], "", false, 200, noise[:18<<20]},
		{"in a file, in chunks", noise[:18<<20], "identity", true, 200, noise[:18<<20]},
		{"as large as allowed", noise[:limit], "", true, 200, noise[:limit]},
		{"a byte more", noise, "", false, 413, []byte("too_large")},
		{"a byte more in chunks", noise, "", true, 413, []byte("too_large")},
		{"gzip", packed(noise[:5<<20]), "gzip", false, 200, noise[:5<<20]},
		{"gzip of a byte more", packed(make([]byte, limit+1)), "gzip", false, 413, []byte("too_large")},
		{"gzip that is none", noise[:1000], "gzip", false, 400, []byte("bad_encoding")},
	} {
		var from io.Reader = bytes.NewReader(c.body)
		if c.chunks {
			from = io.MultiReader(from) // A reader of no known type is sent in chunks.
		}
		status, got := post(t, to, from, c.encoding)
		require.Equal(t, c.status, status, "%s: %.100q", c.name, got)
		require.True(t, bytes.Equal(c.want, got), "%s: %d bytes", c.name, len(got))
		require.True(t, r.Idle(), c.name)
	}
	left, err := os.ReadDir(r.cfg.Folder)
	require.NoError(t, err)
	require.Empty(t, left, "no file is left")
}

func TestReadWhereOthersHoldTheRoom(t *testing.T) {
	t.Parallel()
	r, to := serve(t, 20<<20, nil)
	for _, c := range []struct {
		name string
		of   *room
		size int
	}{{"disk", r.disk, 18 << 20}, {"memory of large ones", r.large, 2 << 20}, {"memory", r.small, 100 << 10}} {
		require.True(t, c.of.TryAcquire(c.of.size), c.name)
		status, got := post(t, to, bytes.NewReader(make([]byte, c.size)), "")
		require.Equal(t, 503, status, "%s: %s", c.name, got)
		status, _ = post(t, to, bytes.NewReader(make([]byte, 5<<10)), "")
		require.Equal(t, 200, status, "%s: a small one needs none", c.name)
		c.of.Release(c.of.size)
		status, _ = post(t, to, bytes.NewReader(make([]byte, c.size)), "")
		require.Equal(t, 200, status, "%s: there is room again", c.name)
		require.True(t, r.Idle(), c.name)
	}
}

func TestTurn(t *testing.T) {
	t.Parallel()
	r := New(Config{Folder: t.TempDir(), MaxRaw: 1 << 20, MaxBytes: 1 << 20, SmallBytes: 1 << 20, Turns: 1})
	small, large := &Body{Bytes: make([]byte, 10)}, &Body{Bytes: make([]byte, inflate.HeavyBytes+1)}
	require.NoError(t, r.Turn(small))
	require.False(t, small.Large())
	require.NoError(t, r.Turn(large))
	require.NoError(t, r.Turn(large), "it has one already")
	require.True(t, large.Large())
	require.False(t, r.Idle())
	large.Leave()
	large.Leave()
	require.True(t, r.Idle())
	large.Release()
	small.Release()
}

// What is looked at while a body arrives ends it, however much is to come.
func TestReadIsWatched(t *testing.T) {
	t.Parallel()
	refusal := intake.Refuse(http.StatusRequestEntityTooLarge, "payload too large", "watched", "an item is too large")
	r, to := serve(t, 20<<20, func() inflate.Watch {
		seen := 0
		return func(part []byte) error {
			if seen += len(part); seen > 4<<20 {
				return refusal
			}
			return nil
		}
	})
	for name, body := range map[string][]byte{"as it is": make([]byte, 19<<20), "gzip": packed(make([]byte, 19<<20))} {
		encoding := ""
		if name == "gzip" {
			encoding = name
		}
		status, got := post(t, to, bytes.NewReader(body), encoding)
		require.Equal(t, 413, status, name)
		require.Equal(t, "watched", string(got), name)
		require.True(t, r.Idle(), name)
	}
}
