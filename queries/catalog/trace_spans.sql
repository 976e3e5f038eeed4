-- name: trace_spans
-- purpose: The spans of one trace with everything about them.
-- param trace_id String required: 32 hex digits.
-- param projects String: Project ids with commas between; empty for all that the trace went through.
-- param limit UInt32 = 10000: Rows, at most 50000.
-- column ts DateTime64(6, 'UTC'): Start.
-- column project_id UInt32: Project.
-- column span_id String: Id.
-- column parent_span_id String: Parent; empty for a root.
-- column name String: What was done.
-- column op String: Kind of operation.
-- column service String: Service.
-- column kind String: internal, server, client, producer, consumer.
-- column duration_us UInt64: Microseconds.
-- column status String: unset, ok, error.
-- column status_message String: Of an error.
-- column protocol String: sentry, otlp.
-- column scope_name String: What recorded it.
-- column scope_version String: Its version.
-- column trace_state String: W3C trace state.
-- column attributes Map(LowCardinality(String), String): Attributes.
-- column resource Map(LowCardinality(String), String): Attributes of the process.
-- column event_ts Array(DateTime64(6, 'UTC')): Times of span events.
-- column event_name Array(String): Names of span events.
-- column event_attributes Array(Map(LowCardinality(String), String)): Attributes of span events.
-- column link_trace_id Array(String): Links: traces.
-- column link_span_id Array(String): Links: spans.
-- column link_attributes Array(Map(LowCardinality(String), String)): Links: attributes.
-- cost: trace_index for when, then one granule or so of spans by the bloom filter; of a trace that it does not know, those of 89 days ago and more. 25 ms.
-- bound: 50,000 rows; the days that trace_index names, or those before it.
-- step when: mins Array(DateTime64(3)), maxs Array(DateTime64(3))
SELECT min(min_ts), max(max_ts)
FROM trace_index
WHERE trace_id = lower({trace_id:String}) AND <<.Projects>>
HAVING count() > 0
-- step result: rows
SELECT ts, project_id, span_id, parent_span_id, name, CAST(op, 'String') AS op, CAST(service, 'String') AS service, toString(kind) AS kind, duration_us, toString(status) AS status, status_message,
    toString(protocol) AS protocol, CAST(scope_name, 'String') AS scope_name, CAST(scope_version, 'String') AS scope_version, trace_state, attributes, resource,
    event_ts, CAST(event_name, 'Array(String)') AS event_name, event_attributes, link_trace_id, link_span_id, link_attributes
FROM spans
WHERE trace_id = lower({trace_id:String}) AND <<.Projects>>
    AND <<.OfTrace "spans" "mins" "maxs">>
ORDER BY ts, parent_span_id != '', span_id
LIMIT 1 BY span_id
LIMIT least({limit:UInt32}, 50000)
