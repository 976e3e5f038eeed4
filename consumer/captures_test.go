package consumer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp"
	"errata/ingest/sentry"
	"errata/schema"
)

// captured reads what real SDKs sent in a scenario, through the adapters of the
// edge. Apart sends every span of a trace in a request of its own, as a batch
// that is cut at the wrong moment does.
func captured(t testing.TB, scenario string, apart bool) (events []*schema.Event) {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "captures", scenario)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the captures are missing: %s", dir)
		}
		t.Skipf("the captures are not beside the checkout: %s", dir)
	}
	p, err := intake.NewProject(schema.Project{ID: 7, Slug: "shop"})
	require.NoError(t, err)
	req := &intake.Request{Project: p, ReceivedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	files, err := filepath.Glob(filepath.Join(dir, "*.request.json"))
	require.NoError(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		var r struct {
			Path    string      `json:"path"`
			Headers [][2]string `json:"headers"`
		}
		require.NoError(t, json.Unmarshal(raw, &r))
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[strings.ToLower(h[0])] = h[1]
		}
		body, err := os.ReadFile(strings.TrimSuffix(f, ".request.json") + ".body")
		require.NoError(t, err)
		body = inflate(t, body, headers["content-encoding"])
		var batches []*intake.Batch
		switch {
		case strings.Contains(r.Path, "/envelope"):
			b, _, err := sentry.Envelope(req, body)
			require.NoError(t, err)
			batches = append(batches, b)
		case strings.Contains(r.Path, "/v1/traces"):
			parts := [][]byte{body}
			if apart {
				parts = split(t, body)
			}
			for _, part := range parts {
				b, _, err := otlp.Traces(req, part, headers["content-type"])
				require.NoError(t, err)
				batches = append(batches, b)
			}
		}
		for _, b := range batches {
			for _, e := range b.Events {
				if e.Type == "error" {
					e.Timestamp += epoch.Sub(req.ReceivedAt).Milliseconds() // The recording grows older than events are kept.
					events = append(events, e)
				}
			}
		}
	}
	return events
}

func inflate(t testing.TB, body []byte, coding string) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	switch coding {
	case "gzip":
		var err error
		r, err = gzip.NewReader(r)
		require.NoError(t, err)
	case "br":
		r = brotli.NewReader(r)
	}
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	return out
}

// split makes one export of every span.
func split(t testing.TB, body []byte) (parts [][]byte) {
	t.Helper()
	var all coltrace.ExportTraceServiceRequest
	require.NoError(t, proto.Unmarshal(body, &all))
	for _, resource := range all.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				one, err := proto.Marshal(&coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{Resource: resource.Resource, SchemaUrl: resource.SchemaUrl,
					ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope.Scope, SchemaUrl: scope.SchemaUrl, Spans: []*tracepb.Span{span}}}}}})
				require.NoError(t, err)
				parts = append(parts, one)
			}
		}
	}
	return parts
}

// TestCapturedFailuresCountOnce stores what real SDKs sent for failures that
// both protocols, nested spans or two processes witnessed, in any order.
func TestCapturedFailuresCountOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	defer s.start(s.config())()
	for i, c := range []struct {
		scenario string
		titles   map[string]uint64 // Occurrences by title.
		issues   uint64
	}{
		{"otel-nested-crash", map[string]uint64{"": 1}, 1},
		{"both-upstream", map[string]uint64{"CheckoutError: tax service said no": 1}, 1},
		{"both-dsn", map[string]uint64{"CheckoutError: tax service said no": 1}, 1},
		// The unhandled error carries the SDK's own trace: two occurrences of one issue.
		{"both-linked", map[string]uint64{"CheckoutError: tax service said no": 2, "CheckoutError: refund refused": 1}, 2},
		{"py-duplicate-id", map[string]uint64{"FileExistsError: lock file is there": 1}, 1},
		// Two services, two traces, other frames of their own.
		{"both-same-class", map[string]uint64{"ArithmeticError: same class via both protocols": 2}, 2},
	} {
		for _, apart := range []bool{false, true} {
			for order := range 3 {
				events := captured(t, c.scenario, apart)
				require.NotEmpty(t, events)
				rand.New(rand.NewPCG(uint64(i), uint64(order))).Shuffle(len(events), func(a, b int) {
					if order > 0 { // Else as they came.
						events[a], events[b] = events[b], events[a]
					}
				})
				project := uint32(1000 + 100*i + 10*order)
				if apart {
					project++
				}
				name := fmt.Sprintf("%s, apart %t, order %d", c.scenario, apart, order)
				for _, e := range events {
					s.send(schema.TopicEvents, e.TraceId, &schema.Record{ProjectId: project, ReceivedAt: epoch.UnixMilli(), Event: e,
						Receipts: []*schema.Receipt{{Category: e.Category(), Quantity: 1}}})
				}
				s.eventually(uint64(len(events)), "SELECT sum(quantity) FROM outcomes WHERE outcome = 'accepted' AND project_id = ?", project)
				total := uint64(0)
				for title, n := range c.titles {
					total += n
					if title != "" {
						require.Equal(t, n, s.number("SELECT sum(weight) FROM events WHERE project_id = ? AND title = ?", project, title), "%s: %s\n%s", name, title, s.show(project))
					}
				}
				require.Equal(t, total, s.number("SELECT sum(weight) FROM events WHERE project_id = ?", project), "%s\n%s", name, s.show(project))
				require.Equal(t, c.issues, s.number("SELECT uniqExact(fingerprint) FROM events WHERE project_id = ?", project), "%s\n%s", name, s.show(project))
			}
		}
	}
	s.balanced()
}

// show lists the events of a project for a failure's message.
func (s *store) show(project uint32) string {
	rows, err := s.conn.Query(context.Background(), `SELECT toString((topic_offset, protocol, title, weight, event_id, twin_of, hex(fingerprint), hex(main_hash), trace_id,
		frames_function, frames_file, frames_line, frames_in_app)) FROM events WHERE project_id = ? ORDER BY topic_offset`, project)
	require.NoError(s.t, err)
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var line string
		require.NoError(s.t, rows.Scan(&line))
		b.WriteString(line + "\n")
	}
	return b.String()
}
