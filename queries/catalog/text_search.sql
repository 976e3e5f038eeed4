-- name: text_search
-- purpose: Events whose title or message holds all these words, newest first.
-- param project UInt32 required: Project id.
-- param text String required: Words; letters and digits count, case does not, in any alphabet.
-- param from DateTime64 = -14d: Start.
-- param to DateTime64 = now: End.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column event_id UUID: Id.
-- column issue String: 16 hex digits.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column title String: Type and value.
-- column message String: Message.
-- column environment String: Environment.
-- column release String: Release.
-- column trace_id String: Trace.
-- cost: The text index of events, of the last day first; of which parts what it found is kept, as for event_search. 20 ms, 3 where all parts are known.
-- bound: 1000 rows; the window's days of one project.
-- step all: part Array(UInt8), names Array(String), span Array(Int64)
<</* Names of parts of events, and the first and the last millisecond that is read of them: newest/kept.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step event_parts: rows
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toUnixTimestamp64Milli(min(ts)) AS first, toUnixTimestamp64Milli(max(ts)) AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM events
GROUP BY part, name, server
-- step merged: rows
SELECT project_id, fingerprint, survivor FROM issue_of WHERE project_id = {project:UInt32} AND survivor != fingerprint<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
-- step newest: rows
<<- if .Given "names">>
SELECT *
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, toUnixTimestamp64Milli(ts) AS at, fingerprint AS of, project_id AS owner, event_id AS id, event_id, <<hex "fingerprint">> AS issue, ts, title, message,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, trace_id
    FROM events
    WHERE project_id = {project:UInt32} AND _part IN {names:Array(String)} AND ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC')
    AND <<if .Given "text">><<.HasWords>><<else>>0<<end>>
    ORDER BY ts DESC, event_id
    LIMIT least({limit:UInt32}, 1000) + 1)
UNION ALL
SELECT toUInt64(0), toInt64(0), cityHash64(serverUUID()), toUInt32(0), toUUID('00000000-0000-0000-0000-000000000000'), toUUID('00000000-0000-0000-0000-000000000000'), '', toDateTime64(0, 3, 'UTC'), '', '', '', '', ''
<<- end>>
-- step result: rows
SELECT event_id, <<hex (survivor "fingerprint")>> AS issue, ts, title, message,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, trace_id
FROM events
WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<if .Given "text">><<.HasWords>><<else>>0<<end>>
ORDER BY ts DESC, event_id
LIMIT least({limit:UInt32}, 1000)
