package host

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// largeTrace is a trace of five thousand things of both protocols.
const largeTrace = "0000000000000000000000000000ab1e"

// hostile is text that becomes markup, script or another order of letters where
// somebody forgets what it is.
const hostile = `<img src=x onerror="window.__hacked=1"><script>window.__hacked=1</script> \u202egnp.exe שלום 👩‍💻 {{7*7}} ${__all}`

// odd sends events whose content is unusual and yet what SDKs send.
func (s *store) odd(t *testing.T) {
	t.Helper()
	id := 0
	event := func(more map[string]any) map[string]any {
		id++
		e := map[string]any{"event_id": fmt.Sprintf("%032x", 0xdd000+id), "timestamp": float64(time.Now().Add(-time.Hour).UnixMilli())/1000 - float64(id), "platform": "python", "level": "error", "environment": "odd"}
		maps.Copy(e, more)
		return e
	}
	// A hundred frames, three exceptions in a chain, text of every kind.
	s.send(t, event(map[string]any{
		"transaction": hostile, "release": hostile[:60], "user": map[string]any{"username": "<b>bold</b>", "data": nil},
		"tags":     map[string]any{"markup": "<img src=x onerror=alert(1)>", "emoji": "🔥🔥", "quote": `a"b'c` + "`", "key with blanks": "v", "null": nil},
		"extra":    map[string]any{"nothing": nil, "deep": map[string]any{"a": map[string]any{"b": []any{1, 2, nil}}}, "html": hostile},
		"contexts": map[string]any{"trace": map[string]any{"trace_id": strings.Repeat("0d", 16), "span_id": "00000000000000d1"}, "odd": map[string]any{"value": hostile, "none": nil}, "empty": map[string]any{}, "nil": nil},
		"request":  map[string]any{"url": "javascript:window.__hacked=1", "method": nil, "headers": []any{[]any{"X-Odd", hostile}}, "query_string": "a=b&c="},
		"modules":  map[string]any{"a": "1.0", "b": nil},
		"breadcrumbs": map[string]any{"values": []any{
			map[string]any{"timestamp": "2026-11-01T10:00:00.123456Z", "type": "http", "category": "fetch", "data": map[string]any{"method": "GET", "url": "https://shop.example/" + strings.Repeat("long/", 100), "status_code": 503}},
			map[string]any{"timestamp": 1.7e9, "type": "navigation", "category": "navigation", "data": map[string]any{"from": "/a", "to": "/b"}},
			map[string]any{"type": "ui", "category": "ui.click", "message": "button#pay > span.icon"},
			map[string]any{"type": "user", "message": hostile, "level": "fatal"},
			map[string]any{"type": "debug", "category": "console", "level": "debug", "data": map[string]any{"arguments": []any{"a", map[string]any{"b": 1}, nil}, "logger": "console"}},
			map[string]any{"category": "query", "level": "warning", "message": "SELECT *\nFROM t\nWHERE 1", "data": nil},
			map[string]any{"timestamp": nil, "category": nil, "level": nil, "message": nil, "data": map[string]any{}},
			nil,
		}},
		"exception": map[string]any{"values": []any{
			map[string]any{"type": "OddKeyError", "value": hostile, "stacktrace": map[string]any{"frames": oddFrames(3)}},
			map[string]any{"type": "OddOSError", "value": nil, "stacktrace": map[string]any{"frames": []any{nil, map[string]any{"function": nil, "filename": nil, "lineno": nil}}}},
			map[string]any{"type": "OddError", "value": strings.Repeat("A very long sentence about what went wrong. ", 180), "mechanism": map[string]any{"type": "generic", "handled": false}, "stacktrace": map[string]any{"frames": oddFrames(100)}},
		}},
	}))
	s.group(t, 1, time.Now().Add(-time.Hour))
	// A message of 8 KB without anything else: no release, no user, no stack.
	s.send(t, event(map[string]any{"platform": nil, "level": "info", "environment": nil, "logentry": map[string]any{"formatted": "Odd message " + strings.Repeat("0123456789abcdef ", 480)}}))
	// A title of emoji and of another direction.
	s.send(t, event(map[string]any{"message": "🔥 שגיאה: " + hostile}))
}

// group sends an exception group: parts by their parents, one with a cause.
func (s *store) group(t *testing.T, id int, at time.Time) {
	t.Helper()
	mechanism := func(n int, more map[string]any) map[string]any {
		m := map[string]any{"type": "chained", "exception_id": n}
		maps.Copy(m, more)
		return m
	}
	s.send(t, map[string]any{"event_id": fmt.Sprintf("%032x", 0xee000+id), "timestamp": float64(at.UnixMilli()) / 1000, "platform": "python", "level": "error", "environment": "odd", "exception": map[string]any{"values": []any{
		map[string]any{"type": "OddTimeout", "value": "second of the group", "mechanism": mechanism(3, map[string]any{"parent_id": 0, "source": "exceptions[1]"}), "stacktrace": map[string]any{"frames": oddFrames(2)}},
		map[string]any{"type": "OddCause", "value": "cause of the first", "mechanism": mechanism(2, map[string]any{"parent_id": 1, "source": "__cause__"})},
		map[string]any{"type": "OddValue", "value": "first of the group", "mechanism": mechanism(1, map[string]any{"parent_id": 0, "source": "exceptions[0]"}), "stacktrace": map[string]any{"frames": oddFrames(2)}},
		map[string]any{"type": "OddGroup", "value": "two failed (2 sub-exceptions)", "mechanism": mechanism(0, map[string]any{"type": "generic", "is_exception_group": true, "handled": true}), "stacktrace": map[string]any{"frames": oddFrames(4)}},
	}}})
}

// oddFrames is a stack with tabs, another direction of letters and values of every
// kind; every third frame is of a library.
func oddFrames(n int) []any {
	out := []any{}
	for i := range n {
		f := frameOf(fmt.Sprintf("step_%d", i), fmt.Sprintf("odd/deep_%d.py", i/10), i+1, i%3 != 0)
		f["pre_context"] = []string{"\tif card:", "\t\treturn 'שלום עולם'  # مرحبا"}
		f["vars"] = map[string]any{"html": "<b onmouseover=alert(1)>x</b>", "nested": map[string]any{"a": []any{1, nil, "x"}}, "empty": nil, "long": strings.Repeat("v", 2000)}
		out = append(out, f)
	}
	return out
}

// history gives an issue a long one, and lets it come back after it was resolved.
func (s *store) history(t *testing.T, address string) {
	t.Helper()
	resources := address + "/api/datasources/uid/errata/resources/"
	ask := func(method, path, body string, into any) {
		req, err := http.NewRequestWithContext(t.Context(), method, resources+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Test-Role", "Editor")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.NoError(t, json.NewDecoder(res.Body).Decode(into))
	}
	type row struct{ Issue, Status string }
	group := func() row {
		var list struct{ Issues []row }
		ask(http.MethodGet, "issues?q=OddGroup", "", &list)
		require.Len(t, list.Issues, 1)
		return list.Issues[0]
	}
	issue := group().Issue
	write := func(action string) {
		var done struct{ Changed int }
		ask(http.MethodPost, "triage", `{"project":1,"issues":["`+issue+`"],`+action+`}`, &done)
		require.Equal(t, 1, done.Changed, action)
	}
	for n := range 60 {
		write(fmt.Sprintf(`"action":"comment","comment":"comment number %d of %s"`, n, strings.Repeat("many ", n)))
	}
	write(`"action":"ignore","untilEvents":1000`)
	write(`"action":"unresolve"`)
	write(`"action":"assign","assignee":"<i>somebody</i>"`)
	write(`"action":"resolve"`)
	s.group(t, 2, time.Now())
	require.Eventually(t, func() bool { return group().Status == "regressed" }, 30*time.Second, 300*time.Millisecond)
}

// large sends one trace of 3,500 spans, 1,300 log records and 200 errors of
// four issues, most of them of OpenTelemetry.
func (s *store) large(t *testing.T) {
	t.Helper()
	begin := time.Now().Add(-30 * time.Minute)
	text := func(v any) string {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return string(raw)
	}
	nano := func(at time.Time) string { return fmt.Sprint(at.UnixNano()) }
	resource := map[string]any{"attributes": []any{map[string]any{"key": "service.name", "value": map[string]any{"stringValue": "large"}}}}
	spanID := func(n int) string { return fmt.Sprintf("%016x", 0x1000+n) }
	spans, logs := []any{}, []any{}
	for n := range 3200 {
		span := map[string]any{"traceId": largeTrace, "spanId": spanID(n), "name": fmt.Sprintf("step %d", n), "kind": 1, "startTimeUnixNano": nano(begin.Add(time.Duration(n) * time.Millisecond)), "endTimeUnixNano": nano(begin.Add(time.Duration(n+40) * time.Millisecond))}
		if n > 0 {
			span["parentSpanId"] = spanID((n - 1) / 3)
		}
		spans = append(spans, span)
	}
	for n := range 1300 {
		logs = append(logs, map[string]any{"timeUnixNano": nano(begin.Add(time.Duration(n*2) * time.Millisecond)), "severityNumber": 9, "severityText": "INFO", "body": map[string]any{"stringValue": fmt.Sprintf("large record %d", n)}, "traceId": largeTrace, "spanId": spanID(n)})
	}
	s.post(t, "http://"+s.OTLPHTTP+"/v1/traces", "application/json", text(map[string]any{"resourceSpans": []any{map[string]any{"resource": resource, "scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "host"}, "spans": spans}}}}}), "")
	s.post(t, "http://"+s.OTLPHTTP+"/v1/logs", "application/json", text(map[string]any{"resourceLogs": []any{map[string]any{"resource": resource, "scopeLogs": []any{map[string]any{"scope": map[string]any{"name": "host"}, "logRecords": logs}}}}}), "")
	children := []any{}
	for n := range 300 {
		at := float64(begin.Add(time.Duration(n)*time.Millisecond).UnixMicro()) / 1e6
		children = append(children, map[string]any{"trace_id": largeTrace, "span_id": fmt.Sprintf("%016x", 0x9000+n), "parent_span_id": "0000000000008fff", "op": "db", "description": fmt.Sprintf("SELECT %d", n), "start_timestamp": at, "timestamp": at + 0.002})
	}
	at := float64(begin.UnixMicro()) / 1e6
	s.send(t, map[string]any{"type": "transaction", "event_id": fmt.Sprintf("%032x", 0xa0000), "transaction": "GET /large", "platform": "python", "start_timestamp": at, "timestamp": at + 3.5, "spans": children,
		"contexts": map[string]any{"trace": map[string]any{"trace_id": largeTrace, "span_id": "0000000000008fff", "op": "http.server", "status": "ok"}}})
	for n := range 200 {
		s.send(t, map[string]any{"event_id": fmt.Sprintf("%032x", 0xb0000+n), "timestamp": float64(begin.Add(time.Duration(n*15)*time.Millisecond).UnixMicro()) / 1e6, "platform": "python", "level": "error", "environment": "odd", "transaction": "GET /large",
			"contexts":  map[string]any{"trace": map[string]any{"trace_id": largeTrace, "span_id": spanID(n / 8)}},
			"exception": map[string]any{"values": []any{map[string]any{"type": fmt.Sprintf("LargeError%d", n%4), "value": "in a large trace", "stacktrace": map[string]any{"frames": []any{frameOf(fmt.Sprintf("large_%d", n%4), "odd/large.py", 3, true)}}}}}})
	}
}
