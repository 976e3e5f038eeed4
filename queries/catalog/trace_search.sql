-- name: trace_search
-- purpose: Traces of a project by time, service, duration and errors, newest first.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -1h: Start.
-- param to DateTime64 = now: End.
-- param service String: Service of the segment; empty for all.
-- param name String: Name of the segment; empty for all.
-- param min_duration_ms UInt64 = 0: Least duration of the segment.
-- param status String = any of any,error,ok: Status of the segment; ok is all but error.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column trace_id String: Trace.
-- column started DateTime64(6, 'UTC'): Start of the segment.
-- column service String: Service.
-- column name String: Name of the segment.
-- column duration_us UInt64: Of the segment, microseconds.
-- column status String: unset, ok, error.
-- column http_status UInt16: Answer.
-- column errors UInt64: Errors of the trace.
-- column spans UInt64: Spans of the trace.
-- column logs UInt64: Logs of the trace.
-- cost: Segment spans of the window by service and name, then trace_index by key, of what is older than 90 days events, spans and logs by their index of traces. 30 ms for an hour.
-- bound: 1000 rows.
-- step page: ids Array(String)
SELECT trace_id
FROM spans
WHERE project_id = {project:UInt32} AND is_segment AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<.Same "service" "service">> AND <<.Same "name" "name">>
    AND intDiv(duration_us, 1000) >= {min_duration_ms:UInt64}
    AND ({status:String} = 'any' OR ({status:String} = 'error') = (status = 'error'))
ORDER BY ts DESC, trace_id
LIMIT least({limit:UInt32}, 1000)
-- step result: rows
SELECT s.trace_id AS trace_id, s.ts AS started, s.service AS service, s.name AS name, s.duration_us AS duration_us, s.status AS status, s.http_status AS http_status,
    t.e AS errors, t.s AS spans, t.l AS logs
FROM (
    SELECT trace_id, ts, CAST(service, 'String') AS service, name, duration_us, toString(status) AS status, http_status
    FROM spans
    WHERE project_id = {project:UInt32} AND is_segment AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')} AND trace_id IN {ids:Array(String)}
        AND <<.Same "service" "spans.service">> AND <<.Same "name" "name">>
        AND intDiv(duration_us, 1000) >= {min_duration_ms:UInt64}
        AND ({status:String} = 'any' OR ({status:String} = 'error') = (spans.status = 'error'))) AS s
LEFT JOIN (
    SELECT trace_id, sum(errors) AS e, sum(x.spans) AS s, sum(x.logs) AS l
    FROM <<.TraceRows>> AS x
    WHERE trace_id IN {ids:Array(String)} AND project_id = {project:UInt32}
    GROUP BY trace_id) AS t ON t.trace_id = s.trace_id
ORDER BY started DESC, trace_id
LIMIT least({limit:UInt32}, 1000)
