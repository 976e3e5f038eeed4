-- name: event_by_id
-- purpose: One event with its payload.
-- param event_id UUID required: 32 hex digits, with or without dashes.
-- param project UInt32 = 0: Project id; 0 for all.
-- column event_id UUID: Id.
-- column project_id UInt32: Project.
-- column issue String: 16 hex digits.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column received_at DateTime64(3, 'UTC'): When it came.
-- column title String: Type and value.
-- column culprit String: Where it happened.
-- column message String: Message.
-- column type String: Of the event.
-- column level String: Level.
-- column protocol String: sentry, otlp, otlp_logs.
-- column platform String: Platform.
-- column service String: Service.
-- column environment String: Environment.
-- column release String: Release.
-- column transaction String: Route or task.
-- column exception_type String: Type of the main exception.
-- column exception_value String: Value of the main exception.
-- column handled String: unknown, yes, no.
-- column user_id String: User.
-- column url String: Where.
-- column trace_id String: Trace.
-- column span_id String: Span.
-- column tags Map(LowCardinality(String), String): Tags.
-- column weight UInt32: Occurrences: 0 for a twin.
-- column twin_of UUID: The event that counts; zero where this one does.
-- column grouping_version String: Version of grouping.
-- column grouping_reason String: Why this issue.
-- column payload String: The scrubbed event as JSON.
-- cost: The bloom filter on event_id. 25 ms at 20 million events.
-- bound: 10 rows (one a project).
SELECT event_id, project_id, <<hex (survivor "fingerprint")>> AS issue, ts, received_at, title, culprit, message,
    CAST(type, 'String') AS type, toString(level) AS level, toString(protocol) AS protocol, CAST(platform, 'String') AS platform, CAST(service, 'String') AS service,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, CAST(transaction, 'String') AS transaction, CAST(exception_type, 'String') AS exception_type, exception_value,
    toString(handled) AS handled, user_id, url, trace_id, span_id, tags, weight, twin_of, CAST(grouping_version, 'String') AS grouping_version, grouping_reason, payload
FROM events
WHERE event_id = {event_id:UUID} AND <<.Project>>
LIMIT 10
