package sentry

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compares the rows of our own envelopes, without what grouping and
// scrubbing decide, with golden files.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/envelopes/*.envelope")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".envelope"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(f)
			require.NoError(t, err)
			req := testRequest(t)
			req.Project.Scrubber = nil
			b, _, err := Envelope(req, raw)
			require.NoError(t, err)
			checkLedger(t, b)
			got := goldenText(t, b)
			name := strings.TrimSuffix(f, ".envelope") + ".golden.json"
			if *update {
				require.NoError(t, os.WriteFile(name, got, 0o644))
			}
			want, err := os.ReadFile(name)
			require.NoError(t, err, "run with -update")
			require.Equal(t, string(want), string(got))
		})
	}
}

// goldenText writes a batch for people: sorted keys, the payload as JSON.
func goldenText(t *testing.T, b *intake.Batch) []byte {
	t.Helper()
	out := map[string]any{}
	row := func(m proto.Message) any {
		raw, err := protojson.Marshal(m)
		require.NoError(t, err)
		var v any
		require.NoError(t, json.Unmarshal(raw, &v))
		return v
	}
	add := func(k string, m proto.Message) { l, _ := out[k].([]any); out[k] = append(l, row(m)) }
	for _, e := range b.Events {
		payload := e.Payload
		e.Payload = nil
		// What grouping decides has its own tests.
		e.Hashes, e.Fingerprint, e.MainHash, e.GroupingReason, e.GroupingVersion, e.DecidingComponent = nil, 0, 0, "", "", ""
		e.Title, e.Culprit, e.FramesInApp, e.ExceptionType, e.ExceptionValue = "", "", nil, "", ""
		v := row(e).(map[string]any)
		var p any
		require.NoError(t, json.Unmarshal(payload, &p))
		withoutInApp(p)
		v["payload"] = p
		v["event_id_hex"] = hex.EncodeToString(e.EventId)
		l, _ := out["events"].([]any)
		out["events"] = append(l, v)
	}
	for _, m := range b.Spans {
		add("spans", m)
	}
	for _, m := range b.Logs {
		add("logs", m)
	}
	for _, m := range b.Metrics {
		add("metrics", m)
	}
	for _, m := range b.Sessions {
		add("sessions", m)
	}
	for _, m := range b.CheckIns {
		add("check_ins", m)
	}
	for _, m := range b.Monitors {
		add("monitors", m)
	}
	for _, m := range b.Attachments {
		add("attachments", m)
	}
	for _, m := range b.Feedback {
		add("feedback", m)
	}
	for _, m := range b.Receipts {
		add("receipts", m)
	}
	for _, m := range b.Outcomes {
		add("outcomes", m)
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	require.NoError(t, e.Encode(out))
	return buf.Bytes()
}

// withoutInApp leaves out what grouping decides of frames.
func withoutInApp(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "in_app")
		delete(v, "client_in_app")
		for _, c := range v {
			withoutInApp(c)
		}
	case []any:
		for _, c := range v {
			withoutInApp(c)
		}
	}
}
