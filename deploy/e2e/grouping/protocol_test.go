// Package grouping_test sends the same exceptions over both protocols through
// the adapters of the edge and compares the issues that they end in.
package grouping_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/ingest/otlp"
	"errata/ingest/sentry"
	"errata/ingest/stack"
	"errata/schema"
	"errata/schema/grouping"
	"errata/schema/grouping/payload"
)

// shared finds a folder of the shared facts beside the repository.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{"..", "..", "..", "..", "shared"}, path...)...)
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared corpus %s is missing", p)
		}
		t.Skipf("the shared corpus %s is not beside the checkout", p)
	}
	return p
}

func request(t testing.TB) *intake.Request {
	t.Helper()
	p, err := intake.NewProject(schema.Project{ID: 7, Slug: "shop"})
	require.NoError(t, err)
	return &intake.Request{Project: p, ReceivedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// errors are the events of a batch that hold an exception.
func errors(events []*schema.Event) (out []*schema.Event) {
	for _, e := range events {
		if e.Type == "error" {
			out = append(out, e)
		}
	}
	return out
}

func envelope(t testing.TB, path string) []*schema.Event {
	t.Helper()
	b, _, err := sentry.Envelope(request(t), read(t, path))
	require.NoError(t, err, path)
	return errors(b.Events)
}

// groups checks that scenarios share an issue exactly where the index expects.
// A question mark in a group means that it has no strong opinion.
func groups(t *testing.T, got map[string]uint64, want map[string]string) {
	t.Helper()
	of := map[string]string{}
	for name, h := range got {
		key := fmt.Sprintf("%016x", h)
		if strings.Contains(want[name], "?") {
			continue
		}
		if before, ok := of[key]; ok {
			require.Equal(t, before, want[name], "%s shares an issue with another group", name)
		}
		of[key] = want[name]
	}
	first := map[string]uint64{}
	for name, g := range want {
		if strings.Contains(g, "?") {
			continue
		}
		if before, ok := first[g]; ok {
			require.Equal(t, before, got[name], "%s: group %s is split", name, g)
		}
		first[g] = got[name]
	}
}

// TestPython: every exception has one fingerprint over the Sentry envelope, the
// span event and the log record, in protobuf and in JSON.
func TestPython(t *testing.T) {
	t.Parallel()
	dir := shared(t, "corpus", "own-python")
	var index []struct {
		Scenario string
		Group    string `json:"expected_group"`
	}
	require.NoError(t, json.Unmarshal(read(t, filepath.Join(dir, "index.json")), &index))
	got, want := map[string]uint64{}, map[string]string{}
	exceptions := 0
	for _, s := range index {
		type form struct {
			name   string
			events []*schema.Event
		}
		d := filepath.Join(dir, s.Scenario)
		forms := []form{{"sentry", envelope(t, filepath.Join(d, "sentry.envelope"))}}
		for file, typ := range map[string]string{"otlp_traces.pb": "application/x-protobuf", "otlp_traces.json": "application/json"} {
			b, _, err := otlp.Traces(request(t), read(t, filepath.Join(d, file)), typ)
			require.NoError(t, err, s.Scenario)
			forms = append(forms, form{file, errors(b.Events)})
		}
		for file, typ := range map[string]string{"otlp_logs.pb": "application/x-protobuf", "otlp_logs.json": "application/json"} {
			b, _, err := otlp.Logs(request(t), read(t, filepath.Join(d, file)), typ)
			require.NoError(t, err, s.Scenario)
			forms = append(forms, form{file, errors(b.Events)})
		}
		exceptions++
		for _, f := range forms {
			require.NotEmpty(t, f.events, "%s %s", s.Scenario, f.name)
			for _, e := range f.events {
				base := forms[0].events[0]
				require.Equal(t, base.Hashes, e.Hashes, "%s over %s\n%s\n%s", s.Scenario, f.name, base.GroupingReason, e.GroupingReason)
				require.Equal(t, base.MainHash, e.MainHash, "%s over %s", s.Scenario, f.name)
				require.Equal(t, base.ExceptionType, e.ExceptionType)
			}
		}
		got[s.Scenario], want[s.Scenario] = forms[0].events[0].Fingerprint, s.Group
	}
	groups(t, got, want)
	t.Logf("%d exceptions, each with one fingerprint in five forms", exceptions)
}

// TestNode: the same for Node, whose text carries neither causes nor lines.
func TestNode(t *testing.T) {
	t.Parallel()
	dir := shared(t, "corpus", "own-node")
	var index []struct {
		Scenario string
		Group    string `json:"expected_group"`
	}
	require.NoError(t, json.Unmarshal(read(t, filepath.Join(dir, "index.json")), &index))
	got, want := map[string]uint64{}, map[string]string{}
	p := request(t).Project
	for _, s := range index {
		files, err := filepath.Glob(filepath.Join(dir, s.Scenario, "*.envelope"))
		require.NoError(t, err)
		var events []*schema.Event
		for _, f := range files {
			events = append(events, envelope(t, f)...)
		}
		require.NotEmpty(t, events, s.Scenario)
		var attr map[string]string
		require.NoError(t, json.Unmarshal(read(t, filepath.Join(dir, s.Scenario, "otel.json")), &attr))
		if attr["exception.type"] == "" {
			// A thrown string is no exception for the other protocol: nothing is sent.
			attr = nil
		}
		for _, message := range []string{"", "checkout failed"} { // A span event, a log record with a body.
			if attr == nil {
				break
			}
			over := &schema.Event{}
			p.Describe(over, &grouping.Input{
				Platform: "node", Message: message,
				Exceptions: stack.Parse("nodejs", attr["exception.stacktrace"], attr["exception.type"], attr["exception.message"]),
			})
			for _, e := range events {
				require.Equal(t, e.Fingerprint, over.Fingerprint, "%s\n%s\n%s", s.Scenario, e.GroupingReason, over.GroupingReason)
				require.Equal(t, e.MainHash, over.MainHash, s.Scenario)
			}
		}
		got[s.Scenario], want[s.Scenario] = events[0].Fingerprint, s.Group
	}
	groups(t, got, want)
}

// TestNestedCrash: an exception that passes through three spans ends in one
// issue, whichever of its recordings is looked at, and so does the client's.
func TestNestedCrash(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"otel-nested-crash", "both-same-class", "both-linked", "both-upstream", "otel-crash", "otel-gzip", "otel-json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shared(t, "captures", name)
			files, err := filepath.Glob(filepath.Join(dir, "*.request.json"))
			require.NoError(t, err)
			byTitle := map[string]map[uint64]bool{}
			mains := map[string]map[uint64]bool{}
			for _, f := range files {
				events := captured(t, f)
				for _, e := range errors(events) {
					if byTitle[e.Title] == nil {
						byTitle[e.Title], mains[e.Title] = map[uint64]bool{}, map[uint64]bool{}
					}
					byTitle[e.Title][e.Fingerprint] = true
					mains[e.Title][e.MainHash] = true
				}
			}
			require.NotEmpty(t, byTitle)
			want := 1
			if name == "both-same-class" {
				want = 2 // Two services, two files: main.py and main_otel.py.
			}
			for title := range byTitle {
				require.Len(t, byTitle[title], want, title)
				require.Len(t, mains[title], want, title)
			}
		})
	}
}

// captured sends one captured request through its adapter.
func captured(t *testing.T, file string) []*schema.Event {
	t.Helper()
	var r struct {
		Path    string
		GRPC    bool
		Headers [][2]string
	}
	require.NoError(t, json.Unmarshal(read(t, file), &r))
	typ, coding := "", ""
	if r.GRPC {
		typ = "application/x-protobuf"
	}
	for _, h := range r.Headers {
		switch strings.ToLower(h[0]) {
		case "content-type":
			typ = h[1]
		case "content-encoding":
			coding = h[1]
		}
	}
	data := read(t, strings.TrimSuffix(file, ".request.json")+".body")
	var b *intake.Batch
	var err error
	switch {
	case strings.Contains(r.Path, "/envelope"):
		b, _, err = sentry.Envelope(request(t), inflate(t, data, coding))
	case strings.Contains(r.Path, "traces") || strings.Contains(r.Path, "TraceService"):
		b, _, err = otlp.Traces(request(t), inflate(t, data, coding), typ)
	case strings.Contains(r.Path, "/v1/logs"):
		b, _, err = otlp.Logs(request(t), inflate(t, data, coding), typ)
	default:
		return nil
	}
	require.NoError(t, err, file)
	return b.Events
}

// TestStoredPayloadGroupsAlike: what the store keeps of an event groups as the
// event did, so that explaining and regrouping speak of the same issue.
func TestStoredPayloadGroupsAlike(t *testing.T) {
	t.Parallel()
	p := request(t).Project
	check := func(name string, events []*schema.Event) {
		for _, e := range events {
			in, err := payload.Stored(e.Payload, e.Platform, e.Type)
			require.NoError(t, err, name)
			got := p.Grouper.Group(in)
			require.Equal(t, e.Hashes, got.Hashes, "%s\n%s\n%s", name, e.GroupingReason, got.Reason)
			require.Equal(t, e.MainHash, got.MainHash, name)
		}
	}
	n := 0
	for _, set := range []string{"own-python", "own-node"} {
		files, err := filepath.Glob(filepath.Join(shared(t, "corpus", set), "*", "*.envelope"))
		require.NoError(t, err)
		for _, f := range files {
			b, _, err := sentry.Envelope(request(t), read(t, f))
			require.NoError(t, err)
			check(f, b.Events)
			n += len(b.Events)
		}
	}
	files, err := filepath.Glob(filepath.Join(shared(t, "corpus", "own-python"), "*", "otlp_traces.pb"))
	require.NoError(t, err)
	for _, f := range files {
		b, _, err := otlp.Traces(request(t), read(t, f), "application/x-protobuf")
		require.NoError(t, err)
		check(f, b.Events)
		n += len(b.Events)
	}
	for _, set := range []string{"sentry-samples", "sentry-grouping/inputs", "sentry-categorization"} {
		files, err := filepath.Glob(filepath.Join(shared(t, "corpus", filepath.FromSlash(set)), "*.json"))
		require.NoError(t, err)
		for _, f := range files {
			data := read(t, f)
			var one bytes.Buffer
			if json.Compact(&one, data) != nil {
				continue
			}
			body := fmt.Sprintf("{\"event_id\":\"%032x\"}\n{\"type\":\"event\",\"length\":%d}\n%s\n", n+1, one.Len(), one.Bytes())
			b, _, err := sentry.Envelope(request(t), []byte(body))
			if err != nil {
				continue
			}
			check(f, b.Events)
			n += len(b.Events)
		}
	}
	requests, err := filepath.Glob(filepath.Join(shared(t, "captures"), "*", "*.request.json"))
	require.NoError(t, err)
	for _, f := range requests {
		events := captured(t, f)
		check(f, events)
		n += len(events)
	}
	t.Logf("%d stored events", n)
	require.Greater(t, n, 250)
}
