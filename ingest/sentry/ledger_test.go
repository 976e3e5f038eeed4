package sentry

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/schema"
)

// itemSamples are payloads of every kind, good and bad, by item type.
var itemSamples = map[string][]string{
	"event":             {`{"message":"a"}`, `{"event_id":"00000000000000000000000000000001","exception":[{"type":"A","value":"b"}]}`, `{"event_id":"00000000000000000000000000000002"}`, `{"type":"transaction"}`, `nope`, `[]`, `{"type":"feedback","contexts":{"feedback":{"message":"x"}}}`},
	"transaction":       {`{"type":"transaction","start_timestamp":1795430000,"timestamp":1795430001,"contexts":{"trace":{"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","span_id":"fa90fdead5f74052"}},"spans":[{"span_id":"fa90fdead5f74053","start_timestamp":1795430000,"timestamp":1795430001},{"span_id":"x"},null,7]}`, `{}`, `{"start_timestamp":2,"timestamp":1}`},
	"feedback":          {`{"contexts":{"feedback":{"message":"broken","associated_event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}}}`},
	"user_report":       {`{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","comments":"c"}`, `{"comments":"c"}`, `x`},
	"span":              {`{"items":[{"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","span_id":"fa90fdead5f74053","start_timestamp":1,"end_timestamp":2},{}]}`, `{"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","span_id":"fa90fdead5f74053","start_timestamp":1,"timestamp":2}`, `{"items":3}`, `{"items":[}`},
	"log":               {`{"items":[{"timestamp":1795430000,"body":"x","level":"error"},{"body":"no time"},4]}`, `{"items":[]}`},
	"trace_metric":      {`{"items":[{"timestamp":1795430000,"name":"n","type":"counter","value":1},{"timestamp":1,"name":"n","type":"set","value":1}]}`},
	"session":           {`{"sid":"c81d4e2ebcf211e6869b7df92533d2db","started":"2026-11-23T11:00:00Z","attrs":{"release":"a@1"}}`, `{"sid":"x"}`, `{"sid":"c81d4e2ebcf211e6869b7df92533d2db","started":"2020-11-23T11:00:00Z","attrs":{"release":"a@1"}}`},
	"sessions":          {`{"aggregates":[{"started":"2026-11-23T11:00:00Z","exited":3,"crashed":1},{"exited":1}],"attrs":{"release":"a@1"}}`, `{}`, `x`},
	"check_in":          {`{"monitor_slug":"a b","status":"ok","monitor_config":{"schedule":{"type":"interval","value":2,"unit":"hour"}}}`, `{"monitor_slug":"","status":"ok"}`, `{"monitor_slug":"a","status":"fine"}`, `{"monitor_slug":"a","status":"ok","monitor_config":{"schedule":{"type":"lunar"}}}`},
	"client_report":     {`{"discarded_events":[{"reason":"r","category":"error","quantity":5}]}`, `[]`},
	"attachment":        {"bytes\x00", ""},
	"profile":           {"{}"},
	"replay_event":      {"{}"},
	"replay_recording":  {"{}\nx"},
	"security":          {`{"csp-report":{"document-uri":"http://a","blocked-uri":"http://b","violated-directive":"script-src x"}}`, `[{"type":"csp-violation","body":{"documentURL":"http://a"}},{"type":"deprecation","body":{}}]`, `{}`},
	"nel":               {`[{"type":"network-error","url":"http://a/","body":{"type":"tcp.refused"}},{}]`},
	"statsd":            {"a:1|c"},
	"from_the_future":   {"abc"},
	"unreal_report":     {"CR1"},
	"form_data":         {"[]"},
	"profile_chunk":     {"{}"},
	"replay_video":      {"x"},
	"metric_buckets":    {"[]"},
	"otel_log":          {`{"timestamp":1,"body":"b"}`},
	"profile_chunk_ui":  {"{}"},
	"A Type with Blank": {"x"},
}

// TestLedger sends random envelopes: what was accepted is what is a row or has
// a fate, always.
func TestLedger(t *testing.T) {
	t.Parallel()
	types := make([]string, 0, len(itemSamples))
	for k := range itemSamples {
		types = append(types, k)
	}
	req := testRequest(t)
	rapid.Check(t, func(rt *rapid.T) {
		var b bytes.Buffer
		b.WriteString(rapid.SampledFrom([]string{`{}`, `{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}`, `{"sent_at":"2026-11-23T09:00:00Z"}`}).Draw(rt, "header"))
		n := rapid.IntRange(0, 8).Draw(rt, "items")
		for range n {
			typ := rapid.SampledFrom(types).Draw(rt, "type")
			p := rapid.SampledFrom(itemSamples[typ]).Draw(rt, "payload")
			count := ""
			if rapid.IntRange(0, 9).Draw(rt, "count") == 0 {
				count = `,"item_count":7`
			}
			fmt.Fprintf(&b, "\n{\"type\":%q,\"length\":%d%s}\n%s", typ, len(p), count, p)
		}
		batch, _, err := Envelope(req, b.Bytes())
		if err != nil {
			require.Equal(rt, 1, n, "only an envelope of one event may be refused: %v", err)
			return
		}
		checkLedger(t, batch)
	})
}

func FuzzEnvelope(f *testing.F) {
	for typ, ps := range itemSamples {
		for _, p := range ps {
			f.Add(fmt.Appendf(nil, "{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n{\"type\":%q,\"length\":%d}\n%s", typ, len(p), p))
		}
	}
	req := testRequest(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if b, _, err := Envelope(req, body); err == nil {
			checkLedger(t, b)
			encodable(t, b.Events)
		}
	})
}

func FuzzStore(f *testing.F) {
	files, err := filepath.Glob("testdata/envelopes/*.envelope")
	require.NoError(f, err)
	for _, n := range files {
		raw, err := os.ReadFile(n)
		require.NoError(f, err)
		for l := range strings.SplitSeq(string(raw), "\n") {
			if strings.HasPrefix(l, "{") && len(l) > 200 {
				f.Add([]byte(l))
			}
		}
	}
	f.Add([]byte("eyJtZXNzYWdlIjoieCJ9"))
	req := testRequest(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if b, _, err := Store(req, body); err == nil {
			checkLedger(t, b)
			encodable(t, b.Events)
		}
	})
}

// encodable demands that rows travel: no string aliases a buffer that is gone.
func encodable(t testing.TB, events []*schema.Event) {
	for _, e := range events {
		raw, err := schema.EncodeRecord(&schema.Record{Event: e})
		require.NoError(t, err)
		var r schema.Record
		require.NoError(t, schema.DecodeRecord(&r, raw))
	}
}
