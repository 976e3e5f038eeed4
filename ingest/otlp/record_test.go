package otlp

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"errata/ingest/otlp/attribute"
	"errata/schema"
)

// TestRecordsThatDifferAreNoDuplicates sends two records in requests of their
// own: the consumer drops the second of equal ids, so only what is the same in
// all parts may have one.
func TestRecordsThatDifferAreNoDuplicates(t *testing.T) {
	t.Parallel()
	failed := func() *logspb.LogRecord {
		return &logspb.LogRecord{TimeUnixNano: at(0), SeverityNumber: 17, Body: str("job failed"), Attributes: attrs("exception.type", "E", "exception.message", "m", "job", "1")}
	}
	here := attrs("service.name", "shop", "service.instance.id", "a")
	tests := map[string]struct {
		change func(*logspb.LogRecord, *collogs.ExportLogsServiceRequest)
		same   bool
	}{
		"sent again":        {func(*logspb.LogRecord, *collogs.ExportLogsServiceRequest) {}, true},
		"another attribute": {func(l *logspb.LogRecord, _ *collogs.ExportLogsServiceRequest) { l.Attributes[2].Value = str("2") }, false},
		"one attribute more": {func(l *logspb.LogRecord, _ *collogs.ExportLogsServiceRequest) {
			l.Attributes = append(l.Attributes, attrs("x", "")...)
		}, false},
		"another severity": {func(l *logspb.LogRecord, _ *collogs.ExportLogsServiceRequest) { l.SeverityNumber = 18 }, false},
		"another instance": {func(_ *logspb.LogRecord, m *collogs.ExportLogsServiceRequest) {
			m.ResourceLogs[0].Resource.Attributes[1].Value = str("b")
		}, false},
		"another service": {func(_ *logspb.LogRecord, m *collogs.ExportLogsServiceRequest) {
			m.ResourceLogs[0].Resource.Attributes[0].Value = str("mail")
		}, false},
		"another logger": {func(_ *logspb.LogRecord, m *collogs.ExportLogsServiceRequest) {
			m.ResourceLogs[0].ScopeLogs[0].Scope.Name = "other"
		}, false},
		"another body":           {func(l *logspb.LogRecord, _ *collogs.ExportLogsServiceRequest) { l.Body = num(1) }, false},
		"a body of another kind": {func(l *logspb.LogRecord, _ *collogs.ExportLogsServiceRequest) { l.Body = nil }, false},
	}
	first, _ := run(t, Logs, logsOf(here, failed()))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := failed()
			m := proto.CloneOf(logsOf(here, l))
			tt.change(m.ResourceLogs[0].ScopeLogs[0].LogRecords[0], m)
			b, _ := run(t, Logs, m)
			require.Equal(t, tt.same, string(first.Logs[0].LogId) == string(b.Logs[0].LogId), "log")
			require.Equal(t, tt.same, string(first.Events[0].EventId) == string(b.Events[0].EventId), "event")
		})
	}
}

// TestSeverityByTextOnly names severities as the frameworks of several
// languages spell them.
func TestSeverityByTextOnly(t *testing.T) {
	t.Parallel()
	for number, texts := range map[uint32][]string{
		1: {"TRACE", "trace", "Verbose", "FINEST"}, 3: {"TRACE3"},
		5: {"DEBUG", "dbg", "DEBUG-4", "CONFIG", "FINE"}, 6: {"DEBUG2"},
		9: {"INFO", "Information", "inf", "NOTICE", "INFO+2", " info ", "SUCCESS"}, 10: {"INFO2"}, 12: {"Info4"},
		13: {"WARN", "warning", "wrn"}, 14: {"WARN2"},
		17: {"ERROR", "err", "SEVERE", "ERROR+1"}, 20: {"ERROR4"},
		21: {"FATAL", "CRITICAL", "crit", "emerg", "alert", "dpanic", "ftl"}, 23: {"FATAL3"},
		0: {"", "whatever", "ERROR5", "4"},
	} {
		for _, text := range texts {
			b, _ := run(t, Logs, logsOf(nil, &logspb.LogRecord{TimeUnixNano: at(0), SeverityText: text, Attributes: attrs("exception.type", "E")}))
			require.Equal(t, number, b.Logs[0].Severity, text)
			require.Equal(t, number == 0 || number >= 13, len(b.Events) == 1, "%q makes an issue", text)
		}
	}
}

func TestBodiesOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body *common.AnyValue
		want string
	}{
		"none": {nil, ""}, "empty": {&common.AnyValue{}, ""}, "text": {str("x"), "x"}, "int": {num(-3), "-3"},
		"bool":   {&common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: false}}, "false"},
		"double": {&common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: math.NaN()}}, "NaN"},
		"bytes":  {&common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{255}}}, "/w=="},
		"list":   {&common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{num(1), str("a")}}}}, `[1,"a"]`},
		"map":    {&common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{{Key: "k", Value: num(1)}, {Key: "n"}}}}}, `{"k":1,"n":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := run(t, Logs, logsOf(nil, &logspb.LogRecord{ObservedTimeUnixNano: at(7), Body: tt.body, EventName: "order.paid"}))
			require.Nil(t, p)
			require.Equal(t, tt.want, b.Logs[0].Body)
			require.Equal(t, "order.paid", b.Logs[0].EventName)
			require.EqualValues(t, at(7)/1000, b.Logs[0].TimeUs, "the observed time where there is no other")
		})
	}
}

// TestNothingOfASpanVanishes looks at parts without a column of their own.
func TestNothingOfASpanVanishes(t *testing.T) {
	t.Parallel()
	s := span(1, 0, 5, 2)
	s.Links = []*tracepb.Span_Link{{TraceId: bytes16(9), SpanId: bytes8(9), TraceState: "a=b", DroppedAttributesCount: 3}}
	s.Events = []*tracepb.Span_Event{{}, {Name: "e", DroppedAttributesCount: 2}}
	s.DroppedEventsCount, s.DroppedLinksCount = 4, 5
	s.ParentSpanId = make([]byte, 8)
	ends := span(2, 0, 0, 8)
	ends.StartTimeUnixNano = 0
	b, p := run(t, Traces, tracesOf(nil, s, ends))
	require.Nil(t, p)
	row := b.Spans[0]
	require.Zero(t, row.DurationUs, "it ended before it began")
	require.EqualValues(t, at(5)/1000, row.StartUs)
	require.Empty(t, row.ParentSpanId)
	require.True(t, row.IsSegment)
	require.Equal(t, "a=b", attribute.Value(row.Links[0].Attributes, "w3c.tracestate"))
	require.Equal(t, "3", attribute.Value(row.Links[0].Attributes, attribute.DroppedAttributes))
	require.Len(t, row.Events, 2)
	require.Equal(t, "2", attribute.Value(row.Events[1].Attributes, attribute.DroppedAttributes))
	require.Equal(t, []string{"4", "5"}, []string{attribute.Value(row.Attributes, attribute.DroppedEvents), attribute.Value(row.Attributes, attribute.DroppedLinks)})
	require.EqualValues(t, at(8)/1000, b.Spans[1].StartUs, "the end where there is no start")
}

// TestScopesAreKept looks at what logs and metrics have no column for.
func TestScopesAreKept(t *testing.T) {
	t.Parallel()
	sc := &common.InstrumentationScope{Name: "shop.jobs", Version: "3", Attributes: attrs("team", "red")}
	lm := logsOf(nil, &logspb.LogRecord{Body: str("x")})
	lm.ResourceLogs[0].ScopeLogs[0].Scope = sc
	b, _ := run(t, Logs, lm)
	require.Equal(t, "shop.jobs", b.Logs[0].ScopeName)
	require.Equal(t, []*schema.Tag{{Key: "otel.scope.team", Value: "red"}, {Key: "otel.scope.version", Value: "3"}}, b.Logs[0].Attributes)
	mm := metricsOf(&metricspb.Metric{Name: "m", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{{TimeUnixNano: at(0), Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}}}}})
	mm.ResourceMetrics[0].ScopeMetrics[0].Scope = sc
	b, _ = run(t, Metrics, mm)
	require.Equal(t, []*schema.Tag{{Key: "otel.scope.team", Value: "red"}, {Key: "otel.scope.version", Value: "3"}, {Key: "otel.scope.name", Value: "shop.jobs"}}, b.Metrics[0].Attributes)
	require.Empty(t, mustSpan(t, sc).Attributes[1:], "spans have columns for both")
}

func mustSpan(t *testing.T, sc *common.InstrumentationScope) *schema.Span {
	t.Helper()
	m := tracesOf(nil, span(1, 0, 0, 1))
	m.ResourceSpans[0].ScopeSpans[0].Scope = sc
	b, _ := run(t, Traces, m)
	return b.Spans[0]
}

// TestConventions sends old and new names, and both at once: the new one wins.
func TestConventions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		resource, span []string
		want           *schema.Event
		op             string
	}{
		"environment, old":  {resource: []string{"deployment.environment", "old"}, want: &schema.Event{Environment: "old"}},
		"environment, both": {resource: []string{"deployment.environment", "old", "deployment.environment.name", "new"}, want: &schema.Event{Environment: "new"}},
		"http, old":         {span: []string{"http.method", "GET", "http.status_code", "500", "http.url", "https://a/b?c=d", "http.route", "/b"}, want: &schema.Event{HttpMethod: "GET", HttpStatus: 500, Url: "https://a/b", Transaction: "/b"}, op: "http.server"},
		"http, both":        {span: []string{"http.method", "GET", "http.request.method", "PUT", "http.status_code", "500", "http.response.status_code", "502", "http.url", "https://a/old", "url.full", "https://a/new"}, want: &schema.Event{HttpMethod: "PUT", HttpStatus: 502, Url: "https://a/new"}, op: "http.server"},
		"user, old":         {span: []string{"enduser.id", "7"}, want: &schema.Event{UserId: "7"}},
		"user, both":        {span: []string{"enduser.id", "7", "user.id", "8", "user.email", "a@example.com", "user.name", "ann", "client.address", "192.0.2.1"}, want: &schema.Event{UserId: "8", UserEmail: "a@example.com", UserName: "ann", UserIp: "192.0.2.1"}},
		"db, old":           {span: []string{"db.system", "mysql", "db.statement", "SELECT 1", "db.name", "shop"}, op: "db"},
		"db, new":           {span: []string{"db.system.name", "mysql", "db.query.text", "SELECT 1", "db.namespace", "shop"}, op: "db"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := span(1, 0, 0, 1, thrownAt(0, "E", "m", ""))
			s.Kind = tracepb.Span_SPAN_KIND_SERVER
			s.Attributes = attrs(tt.span...)
			b, _ := run(t, Traces, tracesOf(attrs(tt.resource...), s))
			e := b.Events[0]
			if tt.want == nil {
				tt.want = &schema.Event{}
			}
			if tt.want.Transaction == "" {
				tt.want.Transaction = s.Name
			}
			got := &schema.Event{Environment: e.Environment, HttpMethod: e.HttpMethod, HttpStatus: e.HttpStatus, Url: e.Url, Transaction: e.Transaction,
				UserId: e.UserId, UserName: e.UserName, UserEmail: e.UserEmail, UserIp: e.UserIp}
			require.Empty(t, cmp.Diff(tt.want, got, protocmp.Transform()))
			require.Equal(t, tt.op, b.Spans[0].Op)
			for i := 0; i < len(tt.span); i += 2 {
				require.Equal(t, tt.span[i+1], attribute.Value(b.Spans[0].Attributes, tt.span[i]), "the span keeps both")
			}
		})
	}
}

// TestWhatIsLostOfKeptItemsIsSaid sends ids that are none where the item is
// kept without them: an id of zeros or no id says that there is none.
func TestWhatIsLostOfKeptItemsIsSaid(t *testing.T) {
	t.Parallel()
	record := func(trace, span []byte) *logspb.LogRecord {
		return &logspb.LogRecord{TimeUnixNano: at(0), Body: str("x"), TraceId: trace, SpanId: span}
	}
	b, p := run(t, Logs, logsOf(nil, record([]byte("short"), bytes8(1)), record(bytes16(1), []byte{0}), record(make([]byte, 16), make([]byte, 8)), record(nil, nil)))
	require.Len(t, b.Logs, 4)
	require.Equal(t, &Partial{Message: "2 ids of the wrong length were left out: a trace id has 16 bytes, a span id 8"}, p)
	require.Empty(t, b.Outcomes)

	odd, zero := span(1, 0, 0, 1), span(2, 0, 0, 1)
	odd.ParentSpanId, zero.ParentSpanId = []byte("odd"), make([]byte, 8)
	refused := span(3, 0, 0, 1)
	refused.TraceId = nil
	b, p = run(t, Traces, tracesOf(nil, odd, zero, refused))
	require.Len(t, b.Spans, 2)
	require.Equal(t, &Partial{Rejected: 1, Message: "1 spans refused: 1 with invalid trace id; 1 ids of the wrong length were left out: a trace id has 16 bytes, a span id 8"}, p)
}

// TestFieldsOfAnotherTypeAreSaid counts what of JSON could not be read beside
// what could.
func TestFieldsOfAnotherTypeAreSaid(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]int{
		`"body":{"stringValue":"x"},"new":[{}],"attributes":null,"timeUnixNano":null,"severityNumber":"9"`: 0,
		`"timeUnixNano":"now"`:                     1,
		`"severityNumber":"LOUD"`:                  1,
		`"severityText":5,"flags":"x"`:             2,
		`"attributes":{"a":"b"}`:                   1,
		`"attributes":["a",{"key":5},null]`:        2,
		`"body":["x"]`:                             1,
		`"body":{"intValue":"x"}`:                  1,
		`"attributes":[{"key":"a","value":["x"]}]`: 1,
		`"attributes":[{"key":"a","value":{"intValue":"x","stringValue":5,"boolValue":{},"doubleValue":null}}]`: 3,
		`"attributes":[{"key":"a","value":{"arrayValue":{"values":["x",{"intValue":1},null]}}}]`:                1,
		`"attributes":[{"key":"a","value":{"bytesValue":"-+"}}]`:                                                1,
	} {
		b, p, err := Logs(request(t), []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{`+fields+`}]}]}]}`), "application/json")
		require.NoError(t, err)
		require.Len(t, b.Logs, 1, fields)
		if want == 0 {
			require.Nil(t, p, fields)
			continue
		}
		require.Equal(t, &Partial{Message: fmt.Sprintf("%d fields of another type than OTLP gives them were left out", want)}, p, fields)
	}
}

// TestWhatNamesNoTimeIsNew sends each of two requests twice. A heartbeat or an
// error of a client that names no time happened as often as it was sent.
func TestWhatNamesNoTimeIsNew(t *testing.T) {
	t.Parallel()
	crash := func(l *logspb.LogRecord) *logspb.LogRecord {
		l.SeverityNumber, l.Attributes = 17, attrs("exception.type", "E", "exception.message", "m")
		return l
	}
	ids := func(l *logspb.LogRecord) (log, event string) {
		b, _ := run(t, Logs, logsOf(attrs("service.name", "x"), crash(l)))
		require.Len(t, b.Logs, 1)
		require.Len(t, b.Events, 1)
		return string(b.Logs[0].LogId), string(b.Events[0].EventId)
	}
	for name, c := range map[string]struct {
		of   func() *logspb.LogRecord
		same bool
	}{
		"a time":       {func() *logspb.LogRecord { return &logspb.LogRecord{TimeUnixNano: at(1)} }, true},
		"the observer": {func() *logspb.LogRecord { return &logspb.LogRecord{ObservedTimeUnixNano: at(1)} }, true},
		"no time":      {func() *logspb.LogRecord { return &logspb.LogRecord{} }, false},
	} {
		log, event := ids(c.of())
		log2, event2 := ids(c.of())
		require.Equal(t, c.same, log == log2, name)
		require.Equal(t, c.same, event == event2, name)
	}
	point := func(at uint64) uint64 {
		b, _ := run(t, Metrics, metricsOf(&metricspb.Metric{Name: "m", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{
			{TimeUnixNano: at, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}}}}}))
		return b.Metrics[0].MetricId
	}
	dated, undated := point(at(1)), point(0)
	require.Equal(t, dated, point(at(1)))
	require.NotEqual(t, undated, point(0))
}
