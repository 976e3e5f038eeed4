package sentry

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/ingest/sentry/limit"
	"errata/schema"
)

const testID = "9ec79c33ec9942ab8353589fcb2e04dc"

// env builds an envelope of items given as header extras and payload.
func env(header string, items ...[2]string) []byte {
	b := []byte(header)
	for _, it := range items {
		b = fmt.Appendf(b, "\n{%s,\"length\":%d}\n%s", it[0], len(it[1]), it[1])
	}
	return b
}

// keep makes a project keep what it drops by default.
func keep(req *intake.Request, profiles, replays, attachments bool) {
	req.Project.Settings = &intake.Settings{Keep: intake.Keep{Profiles: &profiles, Replays: &replays, Attachments: &attachments}}
}

func TestItems(t *testing.T) {
	t.Parallel()
	const trace = `"trace_id":"4c79f60c11214eb38604f4ae0781bfb2"`
	for name, c := range map[string]struct {
		item  [2]string
		set   func(*intake.Request)
		check func(t *testing.T, b *intake.Batch)
	}{
		"span container": {item: [2]string{`"type":"span","item_count":1`, `{"version":2,"items":[{` + trace + `,"span_id":"fa90fdead5f74053","parent_span_id":"fa90fdead5f74052","name":"GET /x","start_timestamp":1795430000.5,"end_timestamp":1795430001.75,"is_segment":true,"status":"error","attributes":{"sentry.op":{"value":"http.server","type":"string"},"http.response.status_code":{"value":503,"type":"integer"},"sentry.status.message":{"value":"unavailable","type":"string"},"user.id":{"value":"u1","type":"string"},"flag":{"value":true,"type":"boolean"},"list":{"value":["a"],"type":"array"}},"links":[{` + trace + `,"span_id":"fa90fdead5f74059","attributes":{"k":{"value":"v","type":"string"}}}]}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				s := b.Spans[0]
				require.EqualValues(t, 1_250_000, s.DurationUs)
				require.Equal(t, "http.server", s.Op)
				require.EqualValues(t, 2, s.Kind)
				require.EqualValues(t, 2, s.Status)
				require.Equal(t, "unavailable", s.StatusMessage)
				require.EqualValues(t, 503, s.HttpStatus)
				require.Equal(t, "GET /x", s.SegmentName)
				require.Equal(t, schema.UserHash("u1", "", "", ""), s.UserHash)
				require.Equal(t, `["a"]`, s.Attributes[5].Value)
				require.Equal(t, "fa90fdead5f74059", s.Links[0].SpanId)
				require.Equal(t, schema.CategorySpan, s.Category())
			}},
		"item_count is wrong": {item: [2]string{`"type":"log","item_count":3`, `{"items":[{"timestamp":1,"body":"x"}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Empty(t, b.Logs)
				require.Equal(t, "item_count", b.Outcomes[0].Reason)
			}},
		"log": {item: [2]string{`"type":"log"`, `{"items":[{"timestamp":1795430000.25,` + trace + `,"level":"warn","body":"b %s","severity_number":14,"attributes":{"sentry.release":{"value":"a@1","type":"string"},"sentry.trace.parent_span_id":{"value":"fa90fdead5f74053","type":"string"}}}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				l := b.Logs[0]
				require.EqualValues(t, 1795430000_250000, l.TimeUs)
				require.EqualValues(t, 14, l.Severity)
				require.Equal(t, "warn", l.SeverityText)
				require.Equal(t, "fa90fdead5f74053", l.SpanId)
				require.Equal(t, "a@1", l.Release)
				require.Len(t, l.LogId, 16)
			}},
		"log with an exception": {item: [2]string{`"type":"log"`, `{"items":[{"timestamp":1795430000.25,` + trace + `,"level":"error","body":"cannot pay","attributes":{"exception.type":{"value":"ValueError","type":"string"},"exception.message":{"value":"bad amount","type":"string"},"exception.stacktrace":{"value":"Traceback (most recent call last):\n  File \"/srv/app/pay.py\", line 7, in pay\n    raise ValueError('bad amount')\nValueError: bad amount\n","type":"string"},"sentry.sdk.name":{"value":"sentry.python","type":"string"},"route":{"value":"/pay","type":"string"}}},{"timestamp":1795430000,"level":"info","body":"x","attributes":{"exception.type":{"value":"ValueError","type":"string"}}}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Len(t, b.Logs, 2)
				require.Len(t, b.Events, 1, "an INFO record makes no event")
				e := b.Events[0]
				require.Equal(t, "ValueError: bad amount", e.Title)
				require.Equal(t, []string{"pay"}, e.FramesFunction)
				require.Equal(t, "python", e.Platform)
				require.Equal(t, e.Fingerprint, b.Logs[0].Fingerprint)
				require.Zero(t, b.Logs[1].Fingerprint)
				require.Equal(t, b.Logs[0].TraceId, e.TraceId)
				require.EqualValues(t, 1795430000250, e.Timestamp)
			}},
		"more records than a container holds": {item: [2]string{`"type":"log"`, `{"items":[` + strings.Repeat(`{"timestamp":1795430000,"body":"x"},`, 10_000) + strings.Repeat(`{},`, 4999) + `{}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Len(t, b.Logs, 10_000)
				require.Len(t, b.Outcomes, 1)
				require.EqualValues(t, 5000, b.Outcomes[0].Quantity)
				require.Equal(t, schema.OutcomeTooLarge, b.Outcomes[0].Outcome)
			}},
		"bad records are one outcome": {item: [2]string{`"type":"log"`, `{"items":[` + strings.Repeat(`{},`, 4999) + `{"timestamp":1795430000,"body":"x"}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Len(t, b.Logs, 1)
				require.Len(t, b.Outcomes, 1)
				require.EqualValues(t, 4999, b.Outcomes[0].Quantity)
			}},
		"metric": {item: [2]string{`"type":"trace_metric"`, `{"items":[{"timestamp":1795430000,` + trace + `,"name":"cart","type":"distribution","value":31.5,"unit":"euro"}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, "distribution", b.Metrics[0].Type)
				require.InDelta(t, 31.5, b.Metrics[0].Value, 0)
			}},
		"session with a number as text": {item: [2]string{`"type":"session"`, `{"sid":"c81d4e2e-bcf2-11e6-869b-7df92533d2db","did":"123","init":true,"started":"2026-11-23T11:00:00Z","status":"ok","seq":"123456","errors":2,"duration":6.5,"attrs":{"release":"a@1","environment":"debug"}}`},
			check: func(t *testing.T, b *intake.Batch) {
				s := b.Sessions[0]
				require.EqualValues(t, 123456, s.Seq)
				require.EqualValues(t, 6500, s.DurationMs)
				require.Equal(t, schema.SessionStatus_SESSION_ERRORED, s.Status)
				require.True(t, s.Init)
			}},
		"log with OTLP's names, as the first clients sent it": {item: [2]string{`"type":"otel_log"`, `{"timeUnixNano":"1790000000123456789","traceId":"` + testID + `","spanId":"00000000000000aa","severityText":"error","severityNumber":17,"body":{"stringValue":"it broke"},"attributes":[{"key":"n","value":{"intValue":5}},{"key":"s","value":{"stringValue":"x"}}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				l := b.Logs[0]
				require.Equal(t, []any{"it broke", uint32(17), testID, "00000000000000aa"}, []any{l.Body, l.Severity, l.TraceId, l.SpanId})
				require.Equal(t, []string{"n=5", "s=x"}, []string{l.Attributes[0].Key + "=" + l.Attributes[0].Value, l.Attributes[1].Key + "=" + l.Attributes[1].Value})
			}},
		"span with OTLP's names": {item: [2]string{`"type":"otel_span"`, `{"traceId":"` + testID + `","spanId":"00000000000000aa","name":"GET","startTimeUnixNano":"1790000000000000000","endTimeUnixNano":1790000000250000000,"status":{"code":2}}`},
			check: func(t *testing.T, b *intake.Batch) {
				s := b.Spans[0]
				require.Equal(t, []any{"GET", uint64(250_000), uint32(2)}, []any{s.Name, s.DurationUs, s.Status})
			}},
		"check-in with its duration as text": {item: [2]string{`"type":"check_in"`, `{"check_in_id":"` + testID + `","monitor_slug":"job","status":"ok","duration":"12.3"}`},
			check: func(t *testing.T, b *intake.Batch) { require.EqualValues(t, 12300, b.CheckIns[0].DurationMs) }},
		"check-in with a duration that is none": {item: [2]string{`"type":"check_in"`, `{"check_in_id":"` + testID + `","monitor_slug":"job","status":"ok","duration":"soon"}`},
			check: func(t *testing.T, b *intake.Batch) { require.Zero(t, b.CheckIns[0].DurationMs) }},
		"check-in with an interval": {item: [2]string{`"type":"check_in"`, `{"check_in_id":"` + testID + `","monitor_slug":"My Job","status":"error","duration":12.3,"environment":"env","monitor_config":{"schedule":{"type":"interval","value":10,"unit":"minute"},"checkin_margin":8,"max_runtime":9,"timezone":"Europe/Vienna","failure_issue_threshold":10,"recovery_threshold":20}}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, "my-job", b.CheckIns[0].Monitor)
				require.EqualValues(t, 12300, b.CheckIns[0].DurationMs)
				m := b.Monitors[0]
				require.Equal(t, "10 minute", m.Schedule)
				require.EqualValues(t, 10, m.FailureIssueThreshold)
			}},
		"profiles are dropped by default": {item: [2]string{`"type":"profile"`, `{}`}, check: dropped("profiles_off")},
		"replays are dropped by default":  {item: [2]string{`"type":"replay_recording"`, `{}`}, check: dropped("replays_off")},
		"attachments may be dropped":      {item: [2]string{`"type":"attachment"`, `x`}, set: func(r *intake.Request) { keep(r, false, false, false) }, check: dropped("attachments_off")},
		"profiles may be kept": {item: [2]string{`"type":"profile_chunk"`, `{"a":1}`}, set: func(r *intake.Request) { keep(r, true, true, true) },
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, "profile_chunk", b.Attachments[0].ItemType)
				require.Equal(t, `{"a":1}`, string(b.Blobs[0].Data))
				require.Equal(t, b.Attachments[0].Key, b.Blobs[0].Key)
			}},
		"attachment": {item: [2]string{`"type":"attachment","filename":"a.log","content_type":"text/plain","attachment_type":"event.view_hierarchy"`, "a\nb"},
			check: func(t *testing.T, b *intake.Batch) {
				a := b.Attachments[0]
				require.Equal(t, testID, hex.EncodeToString(a.EventId))
				require.Equal(t, "a.log", a.Name)
				require.Equal(t, "event.view_hierarchy", a.Type)
				require.EqualValues(t, 3, a.Size)
				require.True(t, strings.HasPrefix(a.Key, "1/2026-11-23/"+testID+"/"))
			}},
		"a minidump makes an event": {item: [2]string{`"type":"attachment","attachment_type":"event.minidump"`, "MDMPx"},
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, testID, hex.EncodeToString(b.Events[0].EventId))
				require.Equal(t, schema.Level_LEVEL_FATAL, b.Events[0].Level)
				require.Equal(t, schema.Handled_HANDLED_NO, b.Events[0].Handled)
				require.Equal(t, "minidump", b.Attachments[0].ItemType)
			}},
		"user report": {item: [2]string{`"type":"user_report"`, `{"event_id":"` + testID + `","name":"Jo","email":"jo@example.com","comments":"bad"}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, "bad", b.Feedback[0].Message)
				require.Equal(t, schema.CategoryFeedback, b.Feedback[0].Category())
			}},
		"feedback inside an event item": {item: [2]string{`"type":"event"`, `{"type":"feedback","contexts":{"feedback":{"message":"blank page","associated_event_id":"` + testID + `","contact_email":"jo@example.com"}}}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, "feedback", b.Events[0].Type)
				require.Equal(t, "blank page", b.Feedback[0].Message)
				require.Empty(t, b.Feedback[0].Category())
			}},
		"transaction inside an event item": {item: [2]string{`"type":"event"`, `{"type":"transaction","transaction":"/x","start_timestamp":1795430000,"timestamp":1795430001,"contexts":{"trace":{` + trace + `,"span_id":"fa90fdead5f74052","op":"http.server","status":"internal_error"}},"measurements":{"lcp":{"value":1.5,"unit":"second"}},"spans":[{"span_id":"fa90fdead5f74053","start_timestamp":1795430000,"timestamp":1795430000.5,"op":"db.query","description":"SELECT 1","data":{"rows":3}},{"span_id":"bad"}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Len(t, b.Spans, 2)
				require.Equal(t, schema.CategoryTransaction, b.Spans[0].Category())
				require.Equal(t, "internal_error", b.Spans[0].StatusMessage)
				require.Equal(t, "second", b.Spans[0].Measurements[0].Unit)
				require.Equal(t, "SELECT 1", b.Spans[1].Name)
				require.Equal(t, "4c79f60c11214eb38604f4ae0781bfb2", b.Spans[1].TraceId)
				require.Equal(t, "3", b.Spans[1].Attributes[0].Value)
				require.Equal(t, "invalid_span", b.Outcomes[0].Reason)
			}},
		"an unknown type": {item: [2]string{`"type":"Some New/Thing"`, `x`}, check: dropped("some_new_thing")},
		"client report": {item: [2]string{`"type":"client_report"`, `{"discarded_events":[{"reason":"queue_overflow","category":"error","quantity":23}]}`},
			check: func(t *testing.T, b *intake.Batch) {
				require.True(t, b.Outcomes[0].Client)
				require.EqualValues(t, 23, b.Outcomes[0].Quantity)
				require.Empty(t, b.Receipts)
			}},
		"network error": {item: [2]string{`"type":"nel"`, `[{"age":1,"type":"network-error","url":"https://example.com/x","user_agent":"UA","body":{"type":"tcp.refused","phase":"connection","status_code":0,"server_ip":"192.0.2.1"}}]`},
			check: func(t *testing.T, b *intake.Batch) {
				require.Equal(t, "nel", b.Events[0].Type)
				require.Equal(t, "Network error tcp.refused for 'example.com'", b.Events[0].Message)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t)
			if c.set != nil {
				c.set(req)
			}
			b, _, err := Envelope(req, env(`{"event_id":"`+testID+`"}`, c.item))
			require.NoError(t, err)
			checkLedger(t, b)
			c.check(t, b)
		})
	}
}

func dropped(reason string) func(*testing.T, *intake.Batch) {
	return func(t *testing.T, b *intake.Batch) {
		require.Len(t, b.Outcomes, 1)
		require.Equal(t, schema.OutcomeDropped, b.Outcomes[0].Outcome)
		require.Equal(t, reason, b.Outcomes[0].Reason)
		require.Empty(t, b.Blobs)
	}
}

func TestSeveralEvents(t *testing.T) {
	t.Parallel()
	const other = "00000000000000000000000000000002"
	b, a, err := Envelope(testRequest(t), env(`{"event_id":"`+testID+`"}`,
		[2]string{`"type":"attachment"`, "x"},
		[2]string{`"type":"event"`, `{"message":"a","event_id":"` + other + `"}`},
		[2]string{`"type":"event"`, `{"message":"b","event_id":"` + other + `"}`},
		[2]string{`"type":"event"`, `{"message":"c"}`},
		[2]string{`"type":"event"`, `nope`}))
	require.NoError(t, err)
	checkLedger(t, b)
	require.Equal(t, testID, a.EventID)
	require.Len(t, b.Events, 2)
	require.Equal(t, testID, hex.EncodeToString(b.Events[0].EventId), "the header's id beats the payload's")
	require.Equal(t, other, hex.EncodeToString(b.Events[1].EventId))
	require.Equal(t, testID, hex.EncodeToString(b.Attachments[0].EventId))
	require.Equal(t, []string{"second_event_without_own_id", "invalid_json"}, []string{b.Outcomes[0].Reason, b.Outcomes[1].Reason})
}

// TestTraceFallback uses what only the envelope's header knows.
func TestTraceFallback(t *testing.T) {
	t.Parallel()
	h := `{"trace":{"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","release":"a@1","environment":"prod","sampled":"true","replay_id":"00000000000000000000000000000009"},"sdk":{"name":"n","version":"v"}}`
	b, _, err := Envelope(testRequest(t), env(h, [2]string{`"type":"event"`, `{"message":"a"}`}))
	require.NoError(t, err)
	e := b.Events[0]
	require.Equal(t, []any{"4c79f60c11214eb38604f4ae0781bfb2", "a@1", "prod", true, "00000000000000000000000000000009", "n"},
		[]any{e.TraceId, e.Release, e.Environment, e.TraceSampled, e.ReplayId, e.SdkName})
	var p map[string]any
	require.NoError(t, json.Unmarshal(e.Payload, &p))
	require.Equal(t, e.TraceId, at(p, "contexts", "trace", "trace_id"))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", limit.MaxEventBytes)
	for name, c := range map[string]struct {
		body   []byte
		status int
		reason string
	}{
		"empty":                    {nil, 400, "empty_body"},
		"not an envelope":          {[]byte("nope"), 400, "invalid_envelope"},
		"bad event id":             {[]byte(`{"event_id":"x"}`), 400, "invalid_event_id"},
		"bad sent_at":              {[]byte(`{"sent_at":"yesterday"}`), 400, "invalid_envelope"},
		"the only event is text":   {env(`{}`, [2]string{`"type":"event"`, "x"}), 400, "invalid_json"},
		"the only event is a list": {env(`{}`, [2]string{`"type":"event"`, "[]"}), 400, "invalid_json"},
		"an event over 1 MiB":      {env(`{}`, [2]string{`"type":"event"`, `{"message":"` + big + `"}`}), 413, "too_large:event"},
		"two events over 1 MiB":    {env(`{}`, [2]string{`"type":"event"`, big[:600<<10]}, [2]string{`"type":"nel"`, big[:600<<10]}), 413, "too_large:event"},
		"a log over 12 MiB":        {env(`{}`, [2]string{`"type":"log"`, strings.Repeat("x", 12<<20+1)}), 413, "too_large:log"},
		"a check-in over limit":    {env(`{}`, [2]string{`"type":"check_in"`, big[:100<<10+1]}), 413, "too_large:check_in"},
		"client reports":           {env(`{}`, [2]string{`"type":"client_report"`, big[:3<<10]}, [2]string{`"type":"client_report"`, big[:3<<10]}), 413, "too_large:client_report"},
		"another project's dsn":    {[]byte(`{"dsn":"https://` + testKey + `@x.example/2"}`), 400, "dsn_mismatch"},
		"another key's dsn":        {[]byte(`{"dsn":"https://00000000000000000000000000000000@x.example/1"}`), 400, "dsn_mismatch"},
		"an event's other dsn":     {env(`{}`, [2]string{`"type":"event"`, `{"dsn":"https://` + testKey + `@x.example/2"}`}), 400, "dsn_mismatch"},
		"1001 items":               {[]byte("{}" + strings.Repeat("\n{\"type\":\"x\",\"length\":0}\n", 1001)), 413, "too_large:envelope"},
		"integration":              {env(`{}`, [2]string{`"type":"integration"`, "x"}), 400, "invalid_item"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Envelope(testRequest(t), c.body)
			var e *intake.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.status, e.Status)
			require.Equal(t, c.reason, e.Reason)
			require.NotEmpty(t, e.Causes)
		})
	}
	_, _, err := Envelope(testRequest(t), []byte(`{"dsn":"https://`+testKey+`@x.example/sub/1"}`))
	require.NoError(t, err)
	dsn, ok := HeaderDSN([]byte("{\n\"dsn\":\"d\"}\nrest"))
	require.True(t, ok)
	require.Equal(t, "d", dsn)
}

func TestStoreForms(t *testing.T) {
	t.Parallel()
	plain := []byte(`{"event_id":"` + testID + `","message":"x"}`)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(plain)
	require.NoError(t, w.Close())
	var g, gbomb bytes.Buffer
	gw := gzip.NewWriter(&g)
	_, _ = gw.Write(plain)
	require.NoError(t, gw.Close())
	gw = gzip.NewWriter(&gbomb)
	_, _ = gw.Write(bytes.Repeat([]byte(" "), 100<<20))
	require.NoError(t, gw.Close())
	var bomb bytes.Buffer
	w = zlib.NewWriter(&bomb)
	_, _ = w.Write(bytes.Repeat([]byte(" "), 100<<20))
	require.NoError(t, w.Close())
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"JSON":            {plain, 200},
		"white space":     {append([]byte("\n "), plain...), 200},
		"base64":          {[]byte(base64.StdEncoding.EncodeToString(plain)), 200},
		"base64 of zlib":  {[]byte(base64.StdEncoding.EncodeToString(z.Bytes())), 200},
		"base64 of gzip":  {[]byte(base64.StdEncoding.EncodeToString(g.Bytes())), 200},
		"gzip, cut":       {[]byte(base64.StdEncoding.EncodeToString(g.Bytes()[:len(g.Bytes())-9])), 400},
		"a bomb of gzip":  {[]byte(base64.StdEncoding.EncodeToString(gbomb.Bytes())), 413},
		"bare base64":     {[]byte(base64.RawURLEncoding.EncodeToString(z.Bytes())), 200},
		"nothing":         {nil, 400},
		"text":            {[]byte("hello!"), 400},
		"a list":          {[]byte("[]"), 400},
		"cut":             {plain[:10], 400},
		"a bomb":          {[]byte(base64.StdEncoding.EncodeToString(bomb.Bytes())), 413},
		"over 1 MiB":      {[]byte(`{"message":"` + strings.Repeat("x", limit.MaxEventBytes) + `"}`), 413},
		"another project": {[]byte(`{"dsn":"https://` + testKey + `@h/2"}`), 400},
		"its own dsn":     {[]byte(`{"event_id":"` + testID + `","dsn":"https://` + testKey + `@h/1"}`), 200},
		"10,000 deep":     {[]byte(strings.Repeat(`{"a":`, 10000) + "1"), 400},
		"100,000 tags":    {[]byte(`{"tags":{` + strings.Repeat(`"a":1,`, 100_000) + `"b":2},"event_id":"` + testID + `"}`), 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a, err := Store(testRequest(t), c.body)
			require.Equal(t, c.status, status(err), "%v", err)
			if err == nil {
				require.Equal(t, testID, a.EventID)
				checkLedger(t, b)
			}
		})
	}
}
