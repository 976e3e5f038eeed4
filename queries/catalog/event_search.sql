-- name: event_search
-- purpose: The newest events in a time window, of one issue or of all, filtered.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param issue String: 16 hex digits; empty for all; of one that was merged away, the issue that it went into.
-- param environment String: Environments, one a line; empty for all.
-- param release String: Releases, one a line; empty for all.
-- param service String: Services, one a line; empty for all.
-- param level String: Levels, one a line; empty for all.
-- param text String: Words that title or message must hold.
-- param filters String: Filters as JSON: [{"key","operator","values"}].
-- param limit UInt32 = 100: Rows, at most 10000.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column event_id UUID: Id.
-- column project_id UInt32: Project.
-- column issue String: 16 hex digits.
-- column title String: Type and value.
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
-- column tags Map(LowCardinality(String), String): Tags.
-- cost: What parts of the table have of the newest events that match is kept; parts that are not known are read, the newest ones first, until a page is full: time and filter columns of the last hour, day or the window, the other columns of that page only. 3 ms where all are known; where none is, 90 ms for 5 million events in a week.
-- bound: 10,000 rows; the days of the window.
-- step all: part Array(UInt8), names Array(String), span Array(Int64)
<</* Names of parts of events, and the first and the last millisecond that is read of them: newest/kept.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step event_parts: rows
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toUnixTimestamp64Milli(min(ts)) AS first, toUnixTimestamp64Milli(max(ts)) AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM events
GROUP BY part, name, server
-- step merged: rows
SELECT project_id, fingerprint, survivor FROM issue_of WHERE <<.Projects>> AND survivor != fingerprint<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
-- step newest: rows
<<- if .Given "names">>
SELECT *
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, toUnixTimestamp64Milli(ts) AS at, fingerprint AS of, project_id AS owner, event_id AS id, ts, event_id, project_id, <<hex "fingerprint">> AS issue, title, toString(level) AS level, toString(protocol) AS protocol,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, CAST(service, 'String') AS service, CAST(transaction, 'String') AS transaction,
    user_id, url, trace_id, weight, tags
    FROM events
    WHERE <<.Projects>> AND _part IN {names:Array(String)} AND ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC') AND <<.Selected>>
    ORDER BY ts DESC, event_id
    LIMIT least({limit:UInt32}, 10000) + 1)
UNION ALL
SELECT toUInt64(0), toInt64(0), cityHash64(serverUUID()), toUInt32(0), toUUID('00000000-0000-0000-0000-000000000000'), toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), toUInt32(0), '', '', '', '', '', '', '', '', '', '', '', toUInt32(0), CAST(map(), 'Map(LowCardinality(String), String)')
<<- end>>
-- step result: rows
SELECT ts, event_id, project_id, <<hex (survivor "fingerprint")>> AS issue, title, toString(level) AS level, toString(protocol) AS protocol,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, CAST(service, 'String') AS service, CAST(transaction, 'String') AS transaction,
    user_id, url, trace_id, weight, tags
FROM events
WHERE <<.Projects>> AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')} AND <<.Selected>>
ORDER BY ts DESC, event_id
LIMIT least({limit:UInt32}, 10000)
