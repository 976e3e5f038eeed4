package sentry

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/ingest/scrub"
	"errata/schema"
	"errata/schema/grouping"
)

// sharedDir finds a folder of the shared data next to the repository.
func sharedDir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		require.NotEqual(t, up, dir, "no go.mod above the test")
		dir = up
	}
	p := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("shared data %s is missing", name)
		}
		t.Skipf("shared data %s is not next to the repository", name)
	}
	return p
}

// testTime is when the captures were received.
var testTime = time.Date(2026, 11, 23, 11, 30, 0, 0, time.UTC)

const testKey = "7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d"

func testRequest(t testing.TB) *intake.Request {
	t.Helper()
	g, err := grouping.New(grouping.Rules{})
	require.NoError(t, err)
	sc, err := scrub.New(scrub.Rules{})
	require.NoError(t, err)
	return &intake.Request{
		Project:    &intake.Project{Project: schema.Project{ID: 1, RetentionDays: 90}, Grouper: g, Scrubber: sc},
		Key:        testKey,
		ReceivedAt: testTime,
		ClientIP:   "203.0.113.7",
		Query:      func(string) string { return "" },
	}
}

// checkLedger demands that every accepted item is a row or has a fate.
func checkLedger(t testing.TB, b *intake.Batch) {
	t.Helper()
	want, got := map[string]uint64{}, map[string]uint64{}
	for _, r := range b.Receipts {
		want[r.Category] += r.Quantity
	}
	add := func(c string) {
		if c != "" {
			got[c]++
		}
	}
	for _, r := range b.Events {
		add(r.Category())
		require.True(t, json.Valid(r.Payload), "payload is no JSON: %.2000s", r.Payload)
		require.Len(t, r.EventId, 16)
		require.NotEmpty(t, r.Hashes)
	}
	for _, r := range b.Spans {
		add(r.Category())
	}
	for _, r := range b.Logs {
		add(r.Category())
	}
	for _, r := range b.Sessions {
		add(r.Category())
	}
	for _, r := range b.CheckIns {
		add(r.Category())
	}
	for _, r := range b.Metrics {
		add(r.Category())
	}
	for _, r := range b.Attachments {
		add(r.Category())
	}
	for _, r := range b.Feedback {
		add(r.Category())
	}
	for _, o := range b.Outcomes {
		if !o.Client {
			got[o.Category] += o.Quantity
		}
	}
	require.Equal(t, want, got, "accepted and fates differ")
}

type captured struct {
	Name    string
	Path    string
	Headers map[string]string
	Body    []byte // Decoded.
}

// captures returns the answered requests of one scenario.
func captures(t testing.TB, dir string) []captured {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.request.json"))
	require.NoError(t, err)
	var out []captured
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		var meta struct {
			Path     string
			Answered any
			Headers  json.RawMessage
		}
		require.NoError(t, json.Unmarshal(raw, &meta))
		c := captured{Name: filepath.Base(f), Path: meta.Path, Headers: map[string]string{}}
		var pairs [][2]string
		if json.Unmarshal(meta.Headers, &pairs) == nil {
			for _, p := range pairs {
				c.Headers[strings.ToLower(p[0])] = p[1]
			}
		} else {
			var m map[string]string
			require.NoError(t, json.Unmarshal(meta.Headers, &m))
			for k, v := range m {
				c.Headers[strings.ToLower(k)] = v
			}
		}
		if meta.Answered != nil {
			continue
		}
		body, err := os.ReadFile(strings.TrimSuffix(f, ".request.json") + ".body")
		require.NoError(t, err)
		c.Body = inflate(t, c.Headers["content-encoding"], body)
		out = append(out, c)
	}
	return out
}

func inflate(t testing.TB, encoding string, b []byte) []byte {
	t.Helper()
	switch encoding {
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		out, err := io.ReadAll(z)
		require.NoError(t, err)
		return out
	case "br":
		out, err := io.ReadAll(brotli.NewReader(bytes.NewReader(b)))
		require.NoError(t, err)
		return out
	}
	return b
}

// status returns the status that an error asks for, 200 for none.
func status(err error) int {
	if err == nil {
		return 200
	}
	var e *intake.Error
	if !errors.As(err, &e) {
		return 500
	}
	return e.Status
}
