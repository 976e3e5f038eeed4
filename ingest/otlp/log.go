package otlp

import (
	"strconv"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/identity"
	"errata/ingest/otlp/severity"
	"errata/schema"
)

func (a *adapter) logs(m *collogs.ExportLogsServiceRequest, size uint64) {
	var n, untold uint64
	for _, rl := range m.GetResourceLogs() {
		res := a.resource(rl.GetResource())
		for _, sl := range rl.GetScopeLogs() {
			sc := a.scope(sl.GetScope())
			for _, l := range sl.GetLogRecords() {
				n++
				row := a.log(l, res, &sc)
				a.batch.Logs = append(a.batch.Logs, row)
				if isError(l, row) {
					if len(a.batch.Events) == maxErrors {
						untold++
						continue
					}
					ev := a.logEvent(l, row, res, &sc)
					row.Fingerprint = ev.Fingerprint
					a.batch.AddEvent(ev)
				}
			}
		}
	}
	if n > 0 {
		a.batch.Accept(schema.CategoryLog, n, size)
	}
	if untold > 0 {
		a.tooManyErrors(untold, schema.Protocol_PROTOCOL_OTLP_LOGS)
	}
}

// log makes the row of a record. A record with ids that are none is kept
// without them: its text is what matters.
func (a *adapter) log(l *logspb.LogRecord, res *resource, sc *scope) *schema.Log {
	s := a.req.Project.Scrubber
	trace, span := a.optional(l.GetTraceId(), 16), a.optional(l.GetSpanId(), 8)
	ns := logTime(l)
	at, original := a.when(ns, maxFuture)
	body := attribute.Text(l.GetBody())
	room := attribute.RoomAttributes
	row := &schema.Log{
		TimeUs: at, Protocol: schema.Protocol_PROTOCOL_OTLP_LOGS,
		Severity:     number(l),
		SeverityText: a.named(l.GetSeverityText(), schema.MaxTagValue),
		Body:         attribute.Clipped(s.Text(body, a.attributes.Redacted), schema.MaxMessage),
		TraceId:      trace, SpanId: span,
		Service: res.service, Environment: res.environment, Release: res.release, ServerName: res.serverName,
		Attributes: a.attributes.Tags(l.GetAttributes(), l.GetDroppedAttributesCount(), &room, sc.logTags...), Resource: res.tags,
		EventName: a.named(l.GetEventName(), schema.MaxTagKey), ScopeName: sc.name,
	}
	row.LogId = a.ids.Of("log", trace, span, strconv.FormatUint(l.GetTimeUnixNano(), 10), strconv.FormatUint(l.GetObservedTimeUnixNano(), 10),
		l.GetEventName(), strconv.Itoa(int(l.GetSeverityNumber())), l.GetSeverityText(), body, attribute.Raw(l.GetAttributes(), "exception.stacktrace"),
		sc.name, res.identity(), identity.Digest(row.Attributes), identity.Undated(l.GetTimeUnixNano(), l.GetObservedTimeUnixNano()))
	if original != "" {
		row.Attributes = append(row.Attributes, &schema.Tag{Key: attribute.OriginalTime, Value: original})
	}
	return row
}

// number is the record's number, or the one that its text names: some bridges
// send the text only.
func number(l *logspb.LogRecord) uint32 {
	if n := known(int32(l.GetSeverityNumber()), 24); n != 0 {
		return n
	}
	return severity.Of(l.GetSeverityText())
}

func logTime(l *logspb.LogRecord) uint64 {
	if ns := l.GetTimeUnixNano(); ns != 0 {
		return ns
	}
	return l.GetObservedTimeUnixNano()
}

// isError reports whether a record makes an issue: it tells of an exception,
// and at a severity that says that something is wrong. One without a severity
// is taken at its exception's word.
func isError(l *logspb.LogRecord, row *schema.Log) bool {
	level := severity.Level(row.Severity)
	if level == schema.Level_LEVEL_DEBUG || level == schema.Level_LEVEL_INFO {
		return false
	}
	return attribute.Raw(l.GetAttributes(), "exception.type") != "" || attribute.Raw(l.GetAttributes(), "exception.message") != ""
}

func (a *adapter) logEvent(l *logspb.LogRecord, row *schema.Log, res *resource, sc *scope) *schema.Event {
	t := a.thrown(l.GetAttributes(), res.language)
	a.batch.Accept(schema.CategoryError, 1, t.Size())
	level := severity.Level(row.Severity)
	if level == schema.Level_LEVEL_UNSPECIFIED {
		level = schema.Level_LEVEL_ERROR
	}
	ns := logTime(l)
	o := &origin{
		protocol: schema.Protocol_PROTOCOL_OTLP_LOGS, ns: ns, eventName: row.EventName, level: level,
		res: res, scope: sc, message: row.Body, logger: sc.name, traceID: row.TraceId, spanID: row.SpanId,
		transaction: attribute.Clipped(attribute.Value(row.Attributes, "http.route"), schema.MaxTransaction),
		sampled:     l.GetFlags()&flagSampled != 0, own: row.Attributes,
	}
	if attribute.Value(row.Attributes, "http.request.method", "http.method") != "" {
		o.server = row.Attributes
	}
	o.tags = [][]*schema.Tag{attribute.Searchable(row.Attributes), res.searchable()}
	// The record's own id tells it from all others already.
	o.id = a.ids.Of("log event", string(row.LogId), t.Type, t.Message, t.Stack)
	return a.event(o, &t)
}
