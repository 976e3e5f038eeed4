-- name: latest_events
-- purpose: The newest events of one issue, twins marked.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param environment String: Environment; empty for all.
-- param release String: Release; empty for all.
-- param limit UInt32 = 50: Rows, at most 1000.
-- param before DateTime64 = now: Only events older than this time: that of the last event of a page for the next one.
-- param event_id UUID = 00000000-0000-0000-0000-000000000000: Id of that last event: several may have the same time, and those of them that were not shown come first.
-- column event_id UUID: Id.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column title String: Type and value.
-- column message String: Message.
-- column level String: Level.
-- column protocol String: sentry, otlp, otlp_logs.
-- column environment String: Environment.
-- column release String: Release.
-- column service String: Service.
-- column transaction String: Route or task.
-- column user_id String: User.
-- column url String: Where.
-- column trace_id String: Trace.
-- column weight UInt32: Occurrences: 0 for a twin.
-- column twin_of UUID: The event that counts; zero where this one does.
-- cost: The newest days of issue_day that hold enough events, the time of events on them, then the rows of the page. 20 ms; the time of all its events where those days hold fewer rows than counted.
-- bound: 1000 rows, the newest days first.
-- step days: guess Array(String), older Array(UInt8)
SELECT toString(minIf(day, newer < least({limit:UInt32}, 1000) * 2 + 1000)) AS guess, toUInt8(min(day) < toDate(guess))
FROM (
    SELECT day, sum(sum(events)) OVER (ORDER BY day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newer
    FROM issue_day
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND day <= toDate({before:DateTime64(3, 'UTC')})
        AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
    GROUP BY day)
-- step page: oldest Array(DateTime64(3)), short Array(UInt8)
SELECT min(ts), toUInt8(count() < least({limit:UInt32}, 1000))
FROM (
    SELECT ts
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
        AND toDate(ts) >= toDate(arrayElement({guess:Array(String)}, 1)) AND toDate(ts) <= toDate({before:DateTime64(3, 'UTC')}) AND <<.Older "">>
        AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
    ORDER BY ts DESC
    LIMIT least({limit:UInt32}, 1000))
-- step all: far Array(DateTime64(3))
<<- if and (.Some "older") (.Some "short")>>
SELECT min(ts)
FROM (
    -- A row that counts a flood is many events, and those of the first day may be after the moment.
    SELECT ts
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND toDate(ts) <= toDate({before:DateTime64(3, 'UTC')}) AND <<.Older "">>
        AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
    ORDER BY ts DESC
    LIMIT least({limit:UInt32}, 1000))
<<- end>>
-- step result: rows
SELECT event_id, ts, title, message, toString(level) AS level, toString(protocol) AS protocol, CAST(environment, 'String') AS environment, CAST(release, 'String') AS release,
    CAST(service, 'String') AS service, CAST(transaction, 'String') AS transaction, user_id, url, trace_id, weight, twin_of
FROM events
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
    AND toDate(ts) >= toDate(arrayElement(<<if .Given "far">>{far:Array(DateTime64(3, 'UTC'))}<<else>>{oldest:Array(DateTime64(3, 'UTC'))}<<end>>, 1)) AND toDate(ts) <= toDate({before:DateTime64(3, 'UTC')})
    AND events.ts >= arrayElement(<<if .Given "far">>{far:Array(DateTime64(3, 'UTC'))}<<else>>{oldest:Array(DateTime64(3, 'UTC'))}<<end>>, 1) AND <<.Older "events.">>
    AND <<.Same "environment" "events.environment">> AND <<.Same "release" "events.release">>
ORDER BY ts DESC, event_id DESC
LIMIT least({limit:UInt32}, 1000)
