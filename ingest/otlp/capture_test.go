package otlp

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/testing/protocmp"

	"errata/ingest/intake"
	"errata/ingest/otlp/attribute"
	"errata/schema"
	"errata/schema/grouping/payload"
)

// shared finds the shared test data beside the repository; it skips where that
// is absent, but not in CI.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("shared test data is missing: %s", path)
		}
		t.Skipf("shared test data is missing: %s", path)
	}
	return path
}

func project(t testing.TB) *intake.Project {
	t.Helper()
	p, err := intake.NewProject(schema.Project{ID: 7, Slug: "shop"})
	require.NoError(t, err)
	return p
}

// captured is when the captures were made.
var captured = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func request(t testing.TB) *intake.Request {
	return &intake.Request{Project: project(t), ReceivedAt: captured}
}

// capture is one request of a capture.
type capture struct {
	signal      Signal
	contentType string
	body        []byte
}

// otlpRequests returns the OTLP requests of a capture in order.
func otlpRequests(t *testing.T, dir string) []capture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.request.json"))
	require.NoError(t, err)
	slices.Sort(files)
	var out []capture
	for _, file := range files {
		var r struct {
			Path    string
			GRPC    bool
			Headers [][2]string
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &r))
		c := capture{}
		switch {
		case strings.Contains(r.Path, "traces") || strings.Contains(r.Path, "TraceService"):
			c.signal = SignalTraces
		case strings.Contains(r.Path, "/v1/logs"):
			c.signal = SignalLogs
		case strings.Contains(r.Path, "/v1/metrics"):
			c.signal = SignalMetrics
		default:
			continue
		}
		c.body, err = os.ReadFile(strings.TrimSuffix(file, ".request.json") + ".body")
		require.NoError(t, err)
		if r.GRPC {
			c.contentType = "application/x-protobuf"
		}
		for _, h := range r.Headers {
			switch strings.ToLower(h[0]) {
			case "content-type":
				c.contentType = h[1]
			case "content-encoding":
				var rd io.Reader
				if h[1] == "gzip" {
					rd, err = gzip.NewReader(bytes.NewReader(c.body))
				} else {
					rd, err = zlib.NewReader(bytes.NewReader(c.body))
				}
				require.NoError(t, err)
				c.body, err = io.ReadAll(rd)
				require.NoError(t, err)
			}
		}
		out = append(out, c)
	}
	return out
}

// expected is what a capture's expected.json says of its OTLP side.
type expected struct {
	Issues []struct {
		Title       string
		OtelEvents  int    `json:"otel_events"`
		TraceID     string `json:"trace_id"`
		Release     string
		Environment string
		Service     string
		Protocol    string
		Protocols   []string
		Message     string
	}
	Spans []struct {
		Name    string
		Count   int
		TraceID string `json:"trace_id"`
		Parent  string
		Kind    string
		Status  string
		Events  []string
	}
	Links []struct {
		Issue     string
		TraceID   string   `json:"trace_id"`
		OtelSpans []string `json:"otel_spans"`
	}
	Marker   string
	Observed struct {
		OtelSpans []struct {
			Name    string
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
			Parent  string
			Scope   string
		} `json:"otel_spans"`
		OtelExceptions []struct{ Type, Message, Span string } `json:"otel_exceptions"`
		OtelLogs       []struct {
			Severity string
			TraceID  string `json:"trace_id"`
		} `json:"otel_logs"`
	}
}

var (
	kindNames   = []string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}
	statusNames = []string{"UNSET", "OK", "ERROR"}
)

func TestCaptures(t *testing.T) {
	t.Parallel()
	root := shared(t, "captures")
	var dirs []string
	for _, pattern := range []string{"otel-*", "both-*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		dirs = append(dirs, found...)
	}
	require.GreaterOrEqual(t, len(dirs), 13)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var want expected
			b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(b, &want))
			all := &intake.Batch{}
			requests := otlpRequests(t, dir)
			require.NotEmpty(t, requests)
			for _, c := range requests {
				batch, partial, err := Adapt(c.signal)(request(t), c.body, c.contentType)
				require.NoError(t, err)
				require.Nil(t, partial)
				balanced(t, batch)
				again, _, err := Adapt(c.signal)(request(t), c.body, c.contentType)
				require.NoError(t, err)
				require.Empty(t, diff(batch, again), "a repeated request must give the same rows")
				all.Spans = append(all.Spans, batch.Spans...)
				all.Logs = append(all.Logs, batch.Logs...)
				all.Events = append(all.Events, batch.Events...)
				all.Metrics = append(all.Metrics, batch.Metrics...)
				all.Receipts = append(all.Receipts, batch.Receipts...)
			}
			check(t, &want, all)
		})
	}
}

func check(t *testing.T, want *expected, all *intake.Batch) {
	byID := map[string]*schema.Span{}
	byName := map[string][]*schema.Span{}
	for _, s := range all.Spans {
		byID[s.TraceId+s.SpanId] = s
		byName[s.Name] = append(byName[s.Name], s)
	}
	require.Len(t, all.Spans, len(want.Observed.OtelSpans))
	for _, w := range want.Observed.OtelSpans {
		s := byID[w.TraceID+w.SpanID]
		require.NotNil(t, s, "span %s", w.SpanID)
		require.Equal(t, w.Name, s.Name)
		require.Equal(t, w.Parent, s.ParentSpanId)
		require.Equal(t, w.Scope, s.ScopeName)
		require.Equal(t, want.Marker, attribute.Value(s.Resource, "run"))
	}
	for _, w := range want.Spans {
		spans := byName[w.Name]
		require.Len(t, spans, w.Count, w.Name)
		s := spans[0]
		if w.TraceID != "" {
			require.Equal(t, w.TraceID, s.TraceId, w.Name)
		}
		if w.Parent != "" && w.Parent != s.ParentSpanId {
			p := byID[s.TraceId+s.ParentSpanId]
			require.NotNil(t, p, "parent of %s", w.Name)
			require.Equal(t, w.Parent, p.Name)
		}
		if w.Kind != "" {
			require.Equal(t, w.Kind, kindNames[s.Kind], w.Name)
		}
		if w.Status != "" {
			require.Equal(t, w.Status, statusNames[s.Status], w.Name)
		}
		for i, name := range w.Events {
			require.Equal(t, name, s.Events[i].Name, w.Name)
		}
	}

	require.Len(t, all.Logs, len(want.Observed.OtelLogs))
	var sent uint64
	for _, r := range all.Receipts {
		if r.Category == schema.CategoryError {
			sent += r.Quantity
		}
	}
	logErrors := 0
	for _, e := range all.Events {
		if e.Protocol == schema.Protocol_PROTOCOL_OTLP_LOGS {
			logErrors++
		}
	}
	require.Equal(t, len(want.Observed.OtelExceptions)+logErrors, int(sent), "every exception sent is accounted for")

	total := 0
	for _, w := range want.Issues {
		var events []*schema.Event
		for _, e := range all.Events {
			if e.Title == w.Title {
				events = append(events, e)
			}
		}
		require.Len(t, events, w.OtelEvents, w.Title)
		total += w.OtelEvents
		for _, e := range events {
			require.Equal(t, schema.Level_LEVEL_ERROR, e.Level)
			require.Equal(t, want.Marker, attribute.Value(e.Tags, "run"))
			if w.TraceID != "" {
				require.Equal(t, w.TraceID, e.TraceId)
			}
			if w.Release != "" {
				require.Equal(t, w.Release, e.Release)
			}
			if w.Environment != "" {
				require.Equal(t, w.Environment, e.Environment)
			}
			if w.Service != "" {
				require.Equal(t, w.Service, e.Service)
			}
			if w.Message != "" {
				require.Equal(t, w.Message, e.Message)
			}
			protocol := w.Protocol
			if protocol == "" {
				protocol = w.Protocols[1]
			}
			require.Equal(t, protocol, map[schema.Protocol]string{schema.Protocol_PROTOCOL_OTLP: "otlp", schema.Protocol_PROTOCOL_OTLP_LOGS: "otlp-logs"}[e.Protocol])
			require.True(t, json.Valid(e.Payload))
			require.NotEmpty(t, e.FramesFunction)
			require.NotZero(t, e.Fingerprint)
			regrouped(t, e)
		}
	}
	require.Len(t, all.Events, total, "no other issue")
	for _, w := range want.Links {
		for _, e := range all.Events {
			if e.Title != w.Issue {
				continue
			}
			require.NotNil(t, byID[e.TraceId+e.SpanId], "the event's span")
			for _, name := range w.OtelSpans {
				require.True(t, slices.ContainsFunc(byName[name], func(s *schema.Span) bool { return s.TraceId == e.TraceId }), "%s in the trace of %s", name, w.Issue)
			}
		}
	}
}

// regrouped checks that the stored payload groups as the event did.
func regrouped(t *testing.T, e *schema.Event) {
	t.Helper()
	in, err := payload.Stored(e.Payload, e.Platform, e.Type)
	require.NoError(t, err)
	again := &schema.Event{}
	project(t).Describe(again, in)
	require.Equal(t, e.Hashes, again.Hashes, "%s\n%s", e.Payload, again.GroupingReason)
	require.Equal(t, e.MainHash, again.MainHash)
	require.Equal(t, e.Title, again.Title)
	require.Equal(t, e.Handled, again.Handled)
}

// balanced checks that each accepted item is a row or has a fate.
func balanced(t *testing.T, b *intake.Batch) {
	t.Helper()
	left := map[string]int{}
	for _, r := range b.Receipts {
		left[r.Category] += int(r.Quantity)
	}
	for _, o := range b.Outcomes {
		left[o.Category] -= int(o.Quantity)
	}
	for _, e := range b.Events {
		left[e.Category()]--
	}
	for _, s := range b.Spans {
		left[s.Category()]--
	}
	for _, l := range b.Logs {
		left[l.Category()]--
	}
	for _, m := range b.Metrics {
		left[m.Category()]--
	}
	for category, n := range left {
		require.Zero(t, n, "%s does not balance", category)
	}
}

// diff compares what two batches hold.
func diff(x, y *intake.Batch) string {
	var b strings.Builder
	for _, pair := range [][2]any{{x.Spans, y.Spans}, {x.Logs, y.Logs}, {x.Events, y.Events}, {x.Metrics, y.Metrics}, {x.Outcomes, y.Outcomes}} {
		b.WriteString(cmp.Diff(pair[0], pair[1], protocmp.Transform()))
	}
	return b.String()
}
