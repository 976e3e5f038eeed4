package sentry

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/schema"
)

// TestTrimming sends more than any limit and looks at what is left.
func TestTrimming(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("ä", n) }
	list := func(n int, f func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = f(i)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	nest := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for name, c := range map[string]struct {
		in    string
		check func(t *testing.T, e *schema.Event, p map[string]any)
	}{
		"message":         {`{"message":"` + long(9000) + `"}`, chars(schema.MaxMessage, "logentry", "formatted")},
		"exception value": {`{"exception":[{"type":"` + long(300) + `","value":"` + long(9000) + `"}]}`, chars(schema.MaxExceptionValue, "exception", "values", 0, "value")},
		"exception type":  {`{"exception":[{"type":"` + long(300) + `","value":"v"}]}`, chars(schema.MaxExceptionType, "exception", "values", 0, "type")},
		"function": {`{"exception":[{"type":"A","stacktrace":{"frames":[{"function":"` + long(600) + `","filename":"` + long(300) + `"}]}}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			chars(schema.MaxFunction, "exception", "values", 0, "stacktrace", "frames", 0, "function")(t, e, p)
			chars(schema.MaxPath, "exception", "values", 0, "stacktrace", "frames", 0, "filename")(t, e, p)
			require.LessOrEqual(t, len(e.FramesFunction[0]), schema.MaxFunction)
		}},
		"transaction": {`{"transaction":"` + long(300) + `"}`, chars(schema.MaxTransaction, "transaction")},
		"tag value":   {`{"tags":{"a":"` + long(300) + `"}}`, chars(schema.MaxTagValue, "tags", "a")},
		"tag key":     {`{"tags":{"` + strings.Repeat("k", 201) + `":"v","a":"b"}}`, func(t *testing.T, e *schema.Event, p map[string]any) { require.Len(t, p["tags"], 1) }},
		"300 tags": {`{"tags":` + list(300, func(i int) string { return fmt.Sprintf(`["k%d","v"]`, i) }) + `}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Len(t, e.Tags, schema.MaxTags)
			require.Equal(t, "too_many", at(p, "errors", 0, "type"))
			require.Len(t, p["errors"], 1)
		}},
		"150 crumbs": {`{"breadcrumbs":` + list(150, func(i int) string { return fmt.Sprintf(`{"message":"m%d"}`, i) }) + `}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Len(t, at(p, "breadcrumbs", "values"), schema.MaxBreadcrumbs)
			require.Equal(t, "m50", at(p, "breadcrumbs", "values", 0, "message"))
		}},
		"400 frames": {`{"exception":[{"type":"A","stacktrace":{"frames":` + list(400, func(i int) string { return fmt.Sprintf(`{"function":"f%d","vars":{"a":"1"},"pre_context":["x"]}`, i) }) + `}}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			f := at(p, "exception", "values", 0, "stacktrace", "frames").([]any)
			require.Len(t, f, schema.MaxFrames)
			require.Equal(t, "f0", at(f, 0, "function"))
			require.Equal(t, "f49", at(f, 49, "function"))
			require.Equal(t, "f200", at(f, 50, "function"))
			require.Equal(t, "f399", at(f, 249, "function"))
			require.NotNil(t, at(f, 249, "vars"))
			require.Nil(t, at(f, 100, "vars"))
			require.Len(t, e.FramesFunction, schema.MaxFrames)
		}},
		"60 exceptions": {`{"exception":` + list(60, func(i int) string { return fmt.Sprintf(`{"type":"E%d"}`, i) }) + `}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Len(t, at(p, "exception", "values"), schema.MaxExceptions)
		}},
		"deep variables": {`{"exception":[{"type":"A","stacktrace":{"frames":[{"vars":` + nest(20) + `}]}}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "<trimmed>", at(p, "exception", "values", 0, "stacktrace", "frames", 0, "vars", "a", "a", "a", "a", "a"))
		}},
		"large variables": {`{"exception":[{"type":"A","stacktrace":{"frames":[{"vars":{"a":"` + long(3000) + `","b":1}}]}}]}`, within(2100, "exception", "values", 0, "stacktrace", "frames", 0, "vars")},
		"large extra":     {`{"extra":{"a":"` + long(20000) + `","b":{"c":1}}}`, within(17<<10, "extra")},
		"large body":      {`{"request":{"data":{"a":"` + long(9000) + `"},"headers":{"x":"` + long(9000) + `"}}}`, within(18<<10, "request")},
		"large crumb":     {`{"breadcrumbs":[{"data":{"a":"` + long(5000) + `"}}]}`, within(2100, "breadcrumbs", "values", 0, "data")},
		"large modules":   {`{"modules":{` + strings.Repeat(`"aaaaaaaaaaaa":"1.2.3",`, 1000) + `"b":"1"}}`, within(8<<10, "modules")},
		"long names": {`{"sdk":{"name":"` + long(5000) + `"},"user":{"id":"` + long(5000) + `","email":"` + long(500) + `"},"logger":"` + long(500) + `","server_name":"` + long(500) + `"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			for _, s := range []string{e.SdkName, e.UserId, e.UserEmail, e.Logger, e.ServerName} {
				require.LessOrEqual(t, len([]rune(s)), 256)
			}
		}},
		"a key of 100 KB that is wrong": {`{"tags":{"` + strings.Repeat("k", 100<<10) + `":["x"]}}`, within(1<<10, "errors")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, p := one(t, c.in, func(r *intake.Request) { r.Project.Scrubber = nil })
			c.check(t, e, p)
		})
	}
}

func chars(n int, path ...any) func(*testing.T, *schema.Event, map[string]any) {
	return func(t *testing.T, _ *schema.Event, p map[string]any) {
		s, ok := at(p, path...).(string)
		require.True(t, ok)
		require.Len(t, []rune(s), n)
		require.True(t, strings.HasSuffix(s, "..."))
	}
}

func within(n int, path ...any) func(*testing.T, *schema.Event, map[string]any) {
	return func(t *testing.T, _ *schema.Event, p map[string]any) {
		raw, err := json.Marshal(at(p, path...))
		require.NoError(t, err)
		require.Greater(t, len(raw), 10)
		require.LessOrEqual(t, len(raw), n)
	}
}

// TestRowsOutliveTheirRequest reads many envelopes at once: rows must not
// change when trees and buffers are used again.
func TestRowsOutliveTheirRequest(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/envelopes/*.envelope")
	require.NoError(t, err)
	var bodies [][]byte
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		bodies = append(bodies, raw)
	}
	req := testRequest(t)
	read := func(i int) []byte {
		body := append([]byte(nil), bodies[i]...)
		b, _, err := Envelope(req, body)
		if err != nil {
			return []byte(err.Error())
		}
		blobs := len(b.Blobs)
		clear(body) // The edge uses the buffer again.
		// Another request goes through the same pools.
		_, _, _ = Envelope(req, bodies[(i+7)%len(bodies)])
		var out []byte
		for _, e := range b.Events {
			raw, _ := schema.EncodeRecord(&schema.Record{Event: e})
			out = append(out, raw...)
		}
		raw, _ := schema.EncodeRecord(&schema.Record{Spans: b.Spans, Logs: b.Logs, Sessions: b.Sessions, CheckIns: b.CheckIns, Metrics: b.Metrics, Monitors: b.Monitors, Attachments: b.Attachments, Feedback: b.Feedback, Outcomes: b.Outcomes})
		return fmt.Appendf(append(out, raw...), "%d", blobs)
	}
	want := make([][]byte, len(bodies))
	for i := range bodies {
		want[i] = read(i)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 4 * len(bodies) {
				i := (n*5 + g) % len(bodies)
				if got := read(i); string(got) != string(want[i]) {
					t.Errorf("%s: rows changed", files[i])
					return
				}
			}
		})
	}
	wg.Wait()
}
