package sentry

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/sentry/limit"
	"errata/schema"
)

// TestGrammarStatus demands of every grammar case the status that the reference
// gives, or the named leniency.
func TestGrammarStatus(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("envelope/testdata/cases.json")
	require.NoError(t, err)
	var cases []struct {
		Name, Body string
		Status     int `json:"relay_status"`
	}
	require.NoError(t, json.Unmarshal(raw, &cases))
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			b, a, err := Envelope(testRequest(t), []byte(c.Body))
			if c.Status != 200 && c.Name != "header then two newlines" {
				require.Equal(t, c.Status, status(err), "%v", err)
				return
			}
			require.NoError(t, err)
			checkLedger(t, b)
			if strings.Contains(c.Body, `"event_id":"9ec7`) {
				require.Equal(t, "9ec79c33ec9942ab8353589fcb2e04dc", a.EventID)
			}
		})
	}
}

// corpusFiles returns all files of a set.
func corpusFiles(t *testing.T, set string) []string {
	t.Helper()
	var out []string
	root := sharedDir(t, filepath.Join("corpus", set))
	require.NoError(t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, p)
		}
		return err
	}))
	require.NotEmpty(t, out)
	return out
}

// TestEventSamples sends every event of the foreign sets through the store
// endpoint's adapter: none is refused, and none loses what must be kept.
func TestEventSamples(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"event-samples-bugsink", "event-samples-glitchtip", "event-samples-sentry", "sentry-samples", "glitchtip", "relay-2024", "sentry-performance", "sentry-categorization", "sentry-grouping"} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			n := 0
			for _, f := range corpusFiles(t, set) {
				if filepath.Ext(f) != ".json" {
					continue
				}
				raw, err := os.ReadFile(f)
				require.NoError(t, err)
				for i, ev := range eventsOf(raw) {
					n++
					name := filepath.Base(f)
					b, _, err := Store(testRequest(t), ev)
					if err != nil && len(ev) > limit.MaxEventBytes {
						require.Equal(t, 413, status(err), name)
						continue
					}
					require.NoError(t, err, "%s #%d", name, i)
					checkLedger(t, b)
					for _, row := range b.Events {
						keeps(t, name, ev, row)
					}
				}
			}
			require.NotZero(t, n)
		})
	}
}

// eventsOf returns the events of a file: an object, or a list of objects, that
// has any attribute of an event.
func eventsOf(raw []byte) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var out []json.RawMessage
	for _, r := range list {
		var m map[string]any
		if json.Unmarshal(r, &m) != nil {
			continue
		}
		for _, k := range []string{"exception", "message", "logentry", "platform", "sentry.interfaces.Exception", "event_id", "threads", "stacktrace"} {
			if _, ok := m[k]; ok {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// keeps demands that the payload has every exception, frame, tag, context,
// crumb and extra of the source, by count and name.
func keeps(t *testing.T, name string, source []byte, row *schema.Event) {
	t.Helper()
	var in, out map[string]any
	require.NoError(t, json.Unmarshal(source, &in))
	require.NoError(t, json.Unmarshal(row.Payload, &out), name)
	old := func(k, legacy string) any {
		if v := in[k]; v != nil {
			return v
		}
		return in[legacy]
	}
	values := func(v any) []any {
		if m, ok := v.(map[string]any); ok {
			if l, ok := m["values"].([]any); ok {
				return objectsOf(l)
			}
			if m["type"] != nil || m["value"] != nil {
				return []any{m}
			}
			return nil
		}
		l, _ := v.([]any)
		return objectsOf(l)
	}
	src := values(old("exception", "sentry.interfaces.Exception"))
	got := values(out["exception"])
	require.Len(t, got, min(len(src), schema.MaxExceptions), "%s: exceptions", name)
	for i := range got {
		want := len(framesIn(src[i]))
		if want == 0 && len(src) == 1 {
			want = len(framesIn(in)) // A stack beside the only exception is moved into it.
		}
		require.Len(t, framesIn(got[i]), min(want, schema.MaxFrames), "%s: frames", name)
	}
	require.Len(t, values(out["threads"]), min(len(values(old("threads", "sentry.interfaces.Threads"))), 256), "%s: threads", name)
	require.Len(t, values(out["breadcrumbs"]), min(len(values(old("breadcrumbs", "sentry.interfaces.Breadcrumbs"))), schema.MaxBreadcrumbs), "%s: breadcrumbs", name)
	for _, k := range []string{"contexts", "extra"} {
		src, _ := in[k].(map[string]any)
		got, _ := out[k].(map[string]any)
		for c, v := range src {
			if v != nil && c != "reprocessing" {
				require.Contains(t, got, c, "%s: %s", name, k)
			}
		}
	}
	tags, _ := out["tags"].(map[string]any)
	errors := string(row.Payload)
	each := func(k string, v any) {
		k = strings.ReplaceAll(strings.TrimSpace(k), " ", "-")
		s, isText := v.(string)
		switch k {
		case "release", "dist", "user", "filename", "function", "environment":
			return
		}
		if v == nil || isText && strings.TrimSpace(s) == "" || !isText && strings.Contains(errors, "tags") {
			return
		}
		if isText && strings.Contains(s, "\n") || strings.Contains(errors, "a tag's key has") {
			return
		}
		require.Contains(t, tags, k, "%s: tags", name)
	}
	switch v := in["tags"].(type) {
	case map[string]any:
		for k, v := range v {
			each(k, v)
		}
	case []any:
		for _, p := range v {
			if kv, ok := p.([]any); ok && len(kv) == 2 && kv[0] != nil {
				k, _ := kv[0].(string)
				each(k, kv[1])
			}
		}
	}
	if u, ok := old("user", "sentry.interfaces.User").(map[string]any); ok && len(u) > 0 {
		require.NotNil(t, out["user"], "%s: user", name)
	}
	for _, k := range []string{"request", "sdk", "modules", "fingerprint", "debug_meta"} {
		if v := in[k]; v != nil {
			require.Contains(t, out, k, "%s", name)
		}
	}
	if row.Type == "error" && len(framesIn(src[len(src)-1])) > 0 {
		require.NotEmpty(t, row.FramesFunction, "%s: frame columns", name)
	}
}

func objectsOf(l []any) []any {
	var out []any
	for _, v := range l {
		if _, ok := v.(map[string]any); ok {
			out = append(out, v)
		}
	}
	return out
}

func framesIn(v any) []any {
	m, _ := v.(map[string]any)
	s, _ := m["stacktrace"].(map[string]any)
	l, _ := s["frames"].([]any)
	return objectsOf(l)
}

// brokenEnvelopes state a length that their payload has not.
var brokenEnvelopes = map[string]bool{"session-only.txt": true}

// TestEnvelopeSamples reads the envelopes of foreign clients.
func TestEnvelopeSamples(t *testing.T) {
	t.Parallel()
	n := 0
	for _, f := range append(corpusFiles(t, "sentry-java"), append(corpusFiles(t, "own-python"), corpusFiles(t, "own-node")...)...) {
		base := filepath.Base(f)
		if !strings.HasSuffix(base, ".envelope") && !strings.Contains(base, "envelope") && filepath.Base(filepath.Dir(f)) != "envelopes" || filepath.Ext(f) == ".json" {
			continue
		}
		n++
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		b, _, err := Envelope(testRequest(t), raw)
		if brokenEnvelopes[base] {
			require.Equal(t, 400, status(err), base)
			continue
		}
		require.NoError(t, err, f)
		checkLedger(t, b)
	}
	require.Greater(t, n, 50)
}
