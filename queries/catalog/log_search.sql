-- name: log_search
-- purpose: Log records by words, service and severity, newest first.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -1h: Start.
-- param to DateTime64 = now: End.
-- param text String: Words that the body must hold; empty for all.
-- param service String: Service; empty for all.
-- param min_severity UInt8 = 0: OTLP number: 9 info, 13 warning, 17 error, 21 fatal.
-- param limit UInt32 = 100: Rows, at most 10000.
-- column ts DateTime64(6, 'UTC'): When.
-- column severity UInt8: OTLP number.
-- column severity_text String: As sent.
-- column service String: Service.
-- column body String: Text.
-- column issue String: Of the error that the record made; empty where none.
-- column trace_id String: Trace.
-- column span_id String: Span.
-- column attributes Map(LowCardinality(String), String): Attributes.
-- cost: Logs of the window by service; the text index where words are given. 30 ms for an hour.
-- bound: 10,000 rows.
SELECT ts, severity, CAST(severity_text, 'String') AS severity_text, CAST(service, 'String') AS service, body,
    if(fingerprint = 0, '', <<hex (survivor "fingerprint")>>) AS issue, trace_id, span_id, attributes
FROM logs
WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<.Same "service" "logs.service">> AND severity >= {min_severity:UInt8}
    AND <<.Words "body">>
ORDER BY ts DESC, log_id
LIMIT least({limit:UInt32}, 10000)
