-- name: trace
-- purpose: All errors, spans and logs of one trace, of both protocols, in order of time; of what began at one time, spans before logs before errors, and of spans the longest first, which is around the others.
-- param trace_id String required: 32 hex digits.
-- param project UInt32 = 0: Project id; 0 for all projects that the trace went through.
-- param limit UInt32 = 10000: Rows, at most 100000.
-- column ts DateTime64(6, 'UTC'): When it began.
-- column kind String: error, span, log.
-- column protocol String: sentry, otlp, otlp_logs.
-- column project_id UInt32: Project.
-- column service String: Service.
-- column op String: Operation of a span, logger of a log, type of an error.
-- column name String: Name of a span, body of a log, title of an error.
-- column status String: Status of a span, severity of a log, level of an error.
-- column duration_us UInt64: Of a span, microseconds.
-- column span_id String: The span, or the span that it happened in.
-- column parent_span_id String: Of a span.
-- column issue String: Of an error, or of a log that made one.
-- column event_id String: Of an error.
-- column weight UInt32: Occurrences of an error: 0 for a twin.
-- cost: trace_index for when, then one granule or so of each table by the bloom filter; of a trace that it does not know, those of 89 days ago and more. 30 ms.
-- bound: The limit; the days that trace_index names, or those before it.
-- step when: mins Array(DateTime64(3)), maxs Array(DateTime64(3))
SELECT min(min_ts), max(max_ts)
FROM trace_index
WHERE trace_id = lower({trace_id:String}) AND <<.Project>>
HAVING count() > 0
-- step result: rows
SELECT *
FROM (
    SELECT toDateTime64(ts, 6, 'UTC') AS ts, 'error' AS kind, toString(protocol) AS protocol, project_id, CAST(service, 'String') AS service,
        CAST(exception_type, 'String') AS op, title AS name, toString(level) AS status, toUInt64(0) AS duration_us, span_id, '' AS parent_span_id,
        <<hex (survivor "fingerprint")>> AS issue, toString(event_id) AS event_id, weight
    FROM events
    WHERE trace_id = lower({trace_id:String}) AND <<.Project>>
        AND <<.OfTrace "events" "mins" "maxs">>
    UNION ALL
    SELECT ts, 'span', toString(protocol), project_id, CAST(service, 'String'), CAST(op, 'String'), name, toString(status), duration_us, span_id, parent_span_id, '', '', toUInt32(0)
    FROM spans
    WHERE trace_id = lower({trace_id:String}) AND <<.Project>>
        AND <<.OfTrace "spans" "mins" "maxs">>
    UNION ALL
    SELECT ts, 'log', toString(protocol), project_id, CAST(service, 'String'), CAST(scope_name, 'String'), body, CAST(severity_text, 'String'), toUInt64(0), span_id, '',
        if(fingerprint = 0, '', <<hex (survivor "fingerprint")>>), '', toUInt32(0)
    FROM logs
    WHERE trace_id = lower({trace_id:String}) AND <<.Project>>
        AND <<.OfTrace "logs" "mins" "maxs">>)
ORDER BY ts, kind DESC, duration_us DESC, span_id
LIMIT least({limit:UInt32}, 100000)
