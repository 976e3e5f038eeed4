-- name: sampled_events
-- purpose: Events of one issue spread over the window and over its users, for reading: always the same for the same window.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param from DateTime64 = -14d: Start.
-- param to DateTime64 = now: End.
-- param limit UInt32 = 20: Rows, at most 1000.
-- column event_id UUID: Id.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column title String: Type and value.
-- column environment String: Environment.
-- column release String: Release.
-- column service String: Service.
-- column user_id String: User.
-- column trace_id String: Trace.
-- cost: Narrow columns of the issue's events in the window, 15 ms for 0.4 million.
-- bound: 1000 rows.
SELECT event_id, ts, title, CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, CAST(service, 'String') AS service, user_id, trace_id
FROM events
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND weight > 0 AND (event_id, events.ts) GLOBAL IN (
    SELECT event_id, ts FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND weight > 0
        AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    ORDER BY cityHash64(event_id)
    LIMIT least({limit:UInt32}, 1000))
    AND toDate(events.ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(events.ts) <= toDate({to:DateTime64(3, 'UTC')})
ORDER BY ts DESC, event_id
