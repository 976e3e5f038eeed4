package otlp

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"errata/ingest/otlp/attribute"
	"errata/schema"
)

func TestSpanRow(t *testing.T) {
	t.Parallel()
	s := span(2, 1, 0, 5)
	s.Kind = tracepb.Span_SPAN_KIND_CLIENT
	s.TraceState = "vendor=1,ot=th:8;rv:1"
	s.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "refused"}
	s.Attributes = append(attrs("db.system.name", "postgresql", "user.id", "u1", "http.response.status_code", "503"),
		&common.KeyValue{Key: "n", Value: num(3)}, &common.KeyValue{Key: "n", Value: num(4)}, &common.KeyValue{Key: "", Value: num(5)})
	s.Attributes = append(s.Attributes, attrs("long", strings.Repeat("é", schema.MaxAttributeValue+1))...)
	s.DroppedAttributesCount = 2
	s.Links = []*tracepb.Span_Link{{TraceId: bytes16(9), SpanId: bytes8(9), Attributes: attrs("why", "retry")}, {TraceId: bytes16(9)}}
	s.Events = []*tracepb.Span_Event{{Name: "cache.miss", TimeUnixNano: at(2), Attributes: attrs("key", "k")}}
	root := span(1, 0, 0, 9)
	root.Kind = tracepb.Span_SPAN_KIND_SERVER
	root.Attributes = attrs("http.route", "/users/{id}")
	b, p := run(t, Traces, tracesOf(attrs("service.name", "shop", "service.version", "1.2.3", "deployment.environment", "prod", "host.name", "web-1", "telemetry.sdk.language", "go", "telemetry.sdk.name", "opentelemetry"), s, root))
	require.Nil(t, p)
	row := b.Spans[0]
	require.Equal(t, "00000000000000000000000000000001", row.TraceId)
	require.Equal(t, "0000000000000002", row.SpanId)
	require.Equal(t, "0000000000000001", row.ParentSpanId)
	require.Equal(t, captured.UnixMicro(), row.StartUs)
	require.EqualValues(t, 5000, row.DurationUs)
	require.EqualValues(t, 3, row.Kind)
	require.EqualValues(t, 2, row.Status)
	require.Equal(t, "refused", row.StatusMessage)
	require.Equal(t, "db", row.Op)
	require.False(t, row.IsSegment)
	require.Equal(t, "/users/{id}", row.SegmentName)
	require.EqualValues(t, 503, row.HttpStatus)
	require.InDelta(t, 2, row.SampleWeight, 1e-6)
	require.Equal(t, schema.UserHash("u1", "", "", ""), row.UserHash)
	require.Equal(t, []string{"shop", "1.2.3", "prod", "web-1", "opentelemetry.go"}, []string{row.Service, row.Release, row.Environment, row.ServerName, row.SdkName})
	require.Equal(t, []string{"scope", "1"}, []string{row.ScopeName, row.ScopeVersion})
	require.Equal(t, "3", attribute.Value(row.Attributes, "n"), "the first of equal keys")
	require.Equal(t, "4", attribute.Value(row.Attributes, attribute.DroppedAttributes), "two by the client, two here")
	require.Equal(t, "1", attribute.Value(row.Attributes, attribute.TrimmedValues))
	require.Equal(t, "1", attribute.Value(row.Attributes, attribute.DroppedLinks))
	require.Len(t, attribute.Value(row.Attributes, "long"), schema.MaxAttributeValue*2, "cut by characters")
	require.Len(t, row.Links, 1)
	require.Equal(t, "retry", attribute.Value(row.Links[0].Attributes, "why"))
	require.Equal(t, "cache.miss", row.Events[0].Name)
	require.Equal(t, captured.Add(2*time.Millisecond).UnixMicro(), row.Events[0].TimeUs)
	require.True(t, b.Spans[1].IsSegment)
	require.Equal(t, "/users/{id}", b.Spans[1].SegmentName)
	require.Empty(t, b.Events)
}

func TestSpanBounds(t *testing.T) {
	t.Parallel()
	s := span(1, 0, 0, 1)
	for i := range 300 {
		s.Attributes = append(s.Attributes, attrs(strings.Repeat("k", 1+i%100)+string(rune('a'+i/100)), "v")...)
		s.Events = append(s.Events, &tracepb.Span_Event{Name: "e"})
		s.Links = append(s.Links, &tracepb.Span_Link{TraceId: bytes16(1), SpanId: bytes8(1)})
	}
	b, _ := run(t, Traces, tracesOf(nil, s))
	row := b.Spans[0]
	require.Len(t, row.Attributes, schema.MaxAttributes+3)
	require.Equal(t, "172", attribute.Value(row.Attributes, attribute.DroppedAttributes))
	require.Len(t, row.Events, maxSpanEvents)
	require.Equal(t, "172", attribute.Value(row.Attributes, attribute.DroppedEvents))
	require.Len(t, row.Links, maxSpanLinks)
	require.Equal(t, "172", attribute.Value(row.Attributes, attribute.DroppedLinks))
}

func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	noTrace, zero, short := span(1, 0, 0, 1), span(2, 0, 0, 1), span(3, 0, 0, 1)
	noTrace.TraceId, zero.SpanId, short.SpanId = nil, make([]byte, 8), []byte{1}
	b, p := run(t, Traces, tracesOf(nil, noTrace, span(4, 0, 0, 1), zero, short))
	require.Len(t, b.Spans, 1)
	require.Equal(t, &Partial{Rejected: 3, Message: "3 spans refused: 1 with invalid trace id, 2 with invalid span id"}, p)
	require.Equal(t, []string{"span invalid invalid_trace_id 1", "span invalid invalid_span_id 2"}, fates(b))
}

func TestTimes(t *testing.T) {
	t.Parallel()
	ns := func(t time.Time) uint64 { return uint64(t.UnixNano()) }
	tests := map[string]struct {
		ns       uint64
		want     time.Time
		original bool
	}{
		"as sent":            {ns(captured.Add(-time.Hour)), captured.Add(-time.Hour), false},
		"a little ahead":     {ns(captured.Add(time.Hour)), captured.Add(time.Hour), false},
		"far ahead":          {ns(captured.Add(48 * time.Hour)), captured, true},
		"beyond retention":   {ns(captured.AddDate(0, 0, -91)), captured, true},
		"missing":            {0, captured, false},
		"no time at all":     {1<<64 - 1, captured, false},
		"milliseconds, once": {uint64(captured.UnixMilli()), captured, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := span(1, 0, 0, 0)
			s.StartTimeUnixNano, s.EndTimeUnixNano = tt.ns, tt.ns
			b, _ := run(t, Traces, tracesOf(nil, s))
			require.Equal(t, tt.want.UnixMicro(), b.Spans[0].StartUs)
			require.Equal(t, tt.original, attribute.Value(b.Spans[0].Attributes, attribute.OriginalTime) != "")
		})
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		severity logspb.SeverityNumber
		text     string
		attrs    []*common.KeyValue
		level    schema.Level // Unspecified: no event.
		title    string
	}{
		"error":                       {17, "ERROR", attrs("exception.type", "shop.Bad", "exception.message", "no"), schema.Level_LEVEL_ERROR, "Bad: no"},
		"fatal":                       {21, "FATAL", attrs("exception.type", "Bad", "exception.message", "no"), schema.Level_LEVEL_FATAL, "Bad: no"},
		"warning":                     {13, "WARN", attrs("exception.type", "Bad", "exception.message", "no"), schema.Level_LEVEL_WARNING, "Bad: no"},
		"info with an exception":      {9, "INFO", attrs("exception.type", "Bad", "exception.message", "no"), 0, ""},
		"debug with an exception":     {5, "DEBUG", attrs("exception.type", "Bad"), 0, ""},
		"no severity":                 {0, "", attrs("exception.type", "Bad", "exception.message", "no"), schema.Level_LEVEL_ERROR, "Bad: no"},
		"severity by text only":       {0, "Warning", attrs("exception.type", "Bad", "exception.message", "no"), schema.Level_LEVEL_WARNING, "Bad: no"},
		"text says info":              {0, "Information", attrs("exception.type", "Bad"), 0, ""},
		"only a message":              {17, "ERROR", attrs("exception.message", "no"), schema.Level_LEVEL_ERROR, "no"},
		"an error without exception":  {17, "ERROR", nil, 0, ""},
		"info without exception":      {9, "INFO", nil, 0, ""},
		"unknown severity is no info": {99, "", attrs("exception.type", "Bad", "exception.message", "no"), schema.Level_LEVEL_ERROR, "Bad: no"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := run(t, Logs, logsOf(attrs("service.name", "shop", "telemetry.sdk.language", "python"), &logspb.LogRecord{
				TimeUnixNano: at(0), SeverityNumber: tt.severity, SeverityText: tt.text, Body: str("could not"),
				Attributes: tt.attrs, TraceId: bytes16(1), SpanId: bytes8(2), EventName: "e",
			}))
			require.Nil(t, p)
			require.Len(t, b.Logs, 1)
			require.Equal(t, "could not", b.Logs[0].Body)
			require.Len(t, b.Logs[0].LogId, 16)
			if tt.level == 0 {
				require.Empty(t, b.Events)
				require.Zero(t, b.Logs[0].Fingerprint)
				return
			}
			require.Len(t, b.Events, 1)
			e := b.Events[0]
			require.Equal(t, tt.level, e.Level)
			require.Equal(t, tt.title, e.Title)
			require.Equal(t, "could not", e.Message)
			require.Equal(t, "shop.logger", e.Logger)
			require.Equal(t, e.Fingerprint, b.Logs[0].Fingerprint)
			require.Equal(t, schema.Protocol_PROTOCOL_OTLP_LOGS, e.Protocol)
			require.Equal(t, []string{"00000000000000000000000000000001", "0000000000000002"}, []string{e.TraceId, e.SpanId})
		})
	}
}

func TestEqualLogsKeepTheirOwnIds(t *testing.T) {
	t.Parallel()
	l := &logspb.LogRecord{TimeUnixNano: at(0), SeverityNumber: 17, Attributes: attrs("exception.type", "Bad")}
	m := logsOf(nil, l, l, l)
	b, _ := run(t, Logs, m)
	require.Len(t, b.Logs, 3)
	require.Len(t, b.Events, 3)
	ids := map[string]bool{}
	for i := range 3 {
		ids[string(b.Logs[i].LogId)], ids[string(b.Events[i].EventId)] = true, true
	}
	require.Len(t, ids, 6)
	again, _ := run(t, Logs, m)
	require.Empty(t, diff(b, again))
}

func TestEvent(t *testing.T) {
	t.Parallel()
	inner := span(2, 1, 1, 5, thrownAt(4, "shop.Bad", "no", traceback("shop.Bad", "no", "/app/shop.py:3:pay"), "exception.escaped", "True"))
	inner.Kind = tracepb.Span_SPAN_KIND_CLIENT
	inner.Attributes = attrs("http.request.method", "POST", "url.full", "https://pay.example.com/charge", "cart size", "3", "k8s.io/app", "a\nb")
	server := span(1, 0, 0, 9)
	server.Kind = tracepb.Span_SPAN_KIND_SERVER
	server.Attributes = attrs("http.request.method", "GET", "url.scheme", "https", "server.address", "shop.example.com", "server.port", "8443", "url.path", "/buy", "url.query", "a=1",
		"http.route", "/buy", "http.response.status_code", "500", "enduser.id", "42", "user.email", "a@example.com", "client.address", "::ffff:192.0.2.7",
		"celery.task_name", "shop.charge", "messaging.message.id", "t-1", "celery.retries", "2")
	b, _ := run(t, Traces, tracesOf(attrs("service.name", "shop", "service.version", "2.0", "deployment.environment.name", "staging", "host.name", "web-1",
		"telemetry.sdk.language", "python", "telemetry.sdk.name", "opentelemetry", "telemetry.sdk.version", "1.45"), inner, server))
	require.Len(t, b.Events, 1)
	e := b.Events[0]
	require.Equal(t, "Bad: no", e.Title)
	require.Equal(t, "Bad", e.ExceptionType)
	require.Equal(t, schema.Handled_HANDLED_NO, e.Handled, "escaped is True")
	require.Equal(t, "opentelemetry", e.Mechanism)
	require.Equal(t, "exception", e.EventName)
	require.Equal(t, []string{"shop", "2.0", "staging", "web-1", "python", "opentelemetry.python", "1.45", "/buy"},
		[]string{e.Service, e.Release, e.Environment, e.ServerName, e.Platform, e.SdkName, e.SdkVersion, e.Transaction})
	require.Equal(t, []string{"GET", "https://shop.example.com:8443/buy"}, []string{e.HttpMethod, e.Url}, "the request that was answered, not the one that was made")
	require.EqualValues(t, 500, e.HttpStatus)
	require.Equal(t, []string{"42", "a@example.com", "192.0.2.7"}, []string{e.UserId, e.UserEmail, e.UserIp})
	require.Equal(t, schema.UserHash("42", "", "", ""), e.UserHash)
	require.Equal(t, []string{"shop.charge", "t-1"}, []string{e.TaskName, e.TaskId})
	require.EqualValues(t, 2, e.TaskRetries)
	require.Equal(t, []string{"pay"}, e.FramesFunction)
	require.Equal(t, captured.Add(4*time.Millisecond).UnixMilli(), e.Timestamp)
	require.Equal(t, "3", attribute.Value(e.Tags, "cart-size"))
	require.Equal(t, "a b", attribute.Value(e.Tags, "k8s.io_app"))
	require.Equal(t, "web-1", attribute.Value(e.Tags, "server_name"))
	require.Empty(t, attribute.Value(e.Tags, "enduser.id", "url.full", "telemetry.sdk.name", "service.name"))

	var payload struct {
		EventID   string `json:"event_id"`
		Exception struct {
			Values []struct {
				Type, Value string
				Mechanism   struct {
					Type    string
					Handled *bool
				}
				Stacktrace struct {
					Frames []struct {
						Function string
						Filename string
						AbsPath  string `json:"abs_path"`
						Lineno   int
						InApp    *bool `json:"in_app"`
					}
				}
			}
		}
		Contexts struct {
			Trace map[string]string
			Otel  struct{ Resource, Attributes map[string]string }
		}
		User    map[string]string
		Request map[string]string
		Tags    map[string]string
	}
	require.NoError(t, json.Unmarshal(e.Payload, &payload))
	require.Equal(t, hexID(e.EventId), payload.EventID)
	require.Len(t, payload.Exception.Values, 1)
	x := payload.Exception.Values[0]
	require.Equal(t, "no", x.Value)
	require.False(t, *x.Mechanism.Handled)
	require.Equal(t, 3, x.Stacktrace.Frames[0].Lineno)
	require.Equal(t, e.FramesInApp[0], *x.Stacktrace.Frames[0].InApp, "payload and column show the same decision")
	require.Equal(t, "a=1", payload.Request["query_string"])
	require.Equal(t, "42", payload.User["id"])
	require.Equal(t, "shop", payload.Contexts.Otel.Resource["service.name"])
	require.Equal(t, "https://pay.example.com/charge", payload.Contexts.Otel.Attributes["url.full"])
	require.Equal(t, "0000000000000002", payload.Contexts.Trace["span_id"])
	require.Equal(t, "3", payload.Tags["cart-size"])
}

func TestHandled(t *testing.T) {
	t.Parallel()
	for escaped, want := range map[string]schema.Handled{
		"True": schema.Handled_HANDLED_NO, "true": schema.Handled_HANDLED_NO,
		"False": schema.Handled_HANDLED_UNKNOWN, "": schema.Handled_HANDLED_UNKNOWN,
	} {
		b, _ := run(t, Traces, tracesOf(nil, span(1, 0, 0, 1, thrownAt(0, "E", "m", "", "exception.escaped", escaped))))
		require.Equal(t, want, b.Events[0].Handled, escaped)
	}
}

func TestWhichSpanEventsAreErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		event *tracepb.Span_Event
		want  bool
	}{
		"exception":                 {&tracepb.Span_Event{Name: "exception", Attributes: attrs("exception.type", "E")}, true},
		"operation.exception":       {&tracepb.Span_Event{Name: "db.query.exception", Attributes: attrs("exception.message", "m")}, true},
		"only a stack":              {&tracepb.Span_Event{Name: "exception", Attributes: attrs("exception.stacktrace", "E: m\n at x")}, true},
		"nothing said":              {&tracepb.Span_Event{Name: "exception"}, false},
		"another event":             {&tracepb.Span_Event{Name: "retry", Attributes: attrs("exception.type", "E")}, false},
		"a name that only ends so":  {&tracepb.Span_Event{Name: "noexception", Attributes: attrs("exception.type", "E")}, false},
		"feature_flag is no error":  {&tracepb.Span_Event{Name: "feature_flag", Attributes: attrs("feature_flag.key", "k")}, false},
		"empty attributes say none": {&tracepb.Span_Event{Name: "exception", Attributes: attrs("exception.type", "")}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := run(t, Traces, tracesOf(nil, span(1, 0, 0, 1, tt.event)))
			require.Equal(t, tt.want, len(b.Events) == 1)
			require.Len(t, b.Spans[0].Events, 1, "the span keeps its event")
		})
	}
}
