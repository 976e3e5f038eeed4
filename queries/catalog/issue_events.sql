-- name: issue_events
-- purpose: The events of one issue that are older or newer than a place in it, nearest first: pages without an end, both ways.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param direction String = older of older,newer: Which way to go.
-- param before DateTime64 = now: Time of the place: of the event to go on from.
-- param event_id UUID = 00000000-0000-0000-0000-000000000000: Id of that event: several may have the same time.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column event_id UUID: Id.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column title String: Type and value.
-- column level String: Level.
-- column protocol String: sentry, otlp, otlp_logs.
-- column environment String: Environment.
-- column release String: Release.
-- column service String: Service.
-- column user_id String: User.
-- column trace_id String: Trace.
-- column weight UInt32: Occurrences: 0 for a twin.
-- column twin_of UUID: The event that counts; zero where this one does.
-- cost: The nearest days of issue_day that hold enough events, then those rows of events. 20 ms.
-- bound: 1000 rows, the nearest days first.
-- step days: reach Array(String)
SELECT toString(<<if .Is "direction" "newer">>max<<else>>min<<end>>(day)) AS reach
FROM (
    SELECT day, sum(if(day = toDate({before:DateTime64(3, 'UTC')}), 0, sum(events))) OVER (ORDER BY day <<if .Is "direction" "newer">>ASC<<else>>DESC<<end>> ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS nearer
    FROM issue_day
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND day <<if .Is "direction" "newer">>>=<<else>><=<<end>> toDate({before:DateTime64(3, 'UTC')})
    GROUP BY day)
WHERE nearer < least({limit:UInt32}, 1000) * 2 + 1000
-- step result: rows
SELECT event_id, ts, title, toString(level) AS level, toString(protocol) AS protocol, CAST(environment, 'String') AS environment, CAST(release, 'String') AS release,
    CAST(service, 'String') AS service, user_id, trace_id, weight, twin_of
FROM events
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
    <<- if .Is "direction" "newer">>
    AND toDate(ts) >= toDate({before:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate(arrayElement({reach:Array(String)}, 1))
    AND (ts > {before:DateTime64(3, 'UTC')} OR ts = {before:DateTime64(3, 'UTC')} AND event_id > {event_id:UUID})
ORDER BY ts, event_id
    <<- else>>
    AND toDate(ts) >= toDate(arrayElement({reach:Array(String)}, 1)) AND toDate(ts) <= toDate({before:DateTime64(3, 'UTC')})
    AND (ts < {before:DateTime64(3, 'UTC')} OR ts = {before:DateTime64(3, 'UTC')} AND event_id < {event_id:UUID})
ORDER BY ts DESC, event_id DESC
    <<- end>>
LIMIT least({limit:UInt32}, 1000)
