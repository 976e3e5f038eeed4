-- name: release_compare
-- purpose: Each release against the one before it, in the order that they were first seen: new issues, issues that came back, crash-free rate, errors a session, and a verdict.
-- param project UInt32 required: Project id.
-- param environment String: Environment of events and sessions; empty for all.
-- param min_sessions UInt32 = 100: A release of fewer sessions has no verdict; one of fewer sessions and of fewer events than min_events is not what another is compared with, unless nothing larger came before.
-- param min_events UInt32 = 20: See min_sessions.
-- param limit UInt32 = 20: Newest releases, at most 200.
-- column release String: Release.
-- column before String: The release that it is compared with: the last one before it that is not tiny.
-- column first_seen DateTime64(3, 'UTC'): First event or session.
-- column events UInt64: Events.
-- column new_issues UInt64: Issues first seen in it.
-- column returned_issues UInt64: Issues that an older release had, and neither the one compared with nor one after that.
-- column sessions UInt64: Sessions.
-- column crash_free Nullable(Float64): Share of sessions without a crash.
-- column crash_free_before Nullable(Float64): Of the release that it is compared with.
-- column events_per_session Nullable(Float64): Errors a session.
-- column verdict String: worse, better, same, unknown: by crash-free sessions, 0.5 points apart, where both have min_sessions.
-- applied: limit
-- cost: release_rollup and session_hour of the project; issues by release are kept by parts of issue_release, as for releases. 15 ms.
-- bound: 200 rows.
-- step all: part Array(UInt8), names Array(String), span Array(Int64)
<</* Names of parts of a table: asking/kept.go; put together in release/release.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step seen_parts: rows
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(0) AS first, toInt64(0) AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_release
GROUP BY part, name, server
-- step seen: rows
<<- if .Given "names">>
SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, toUnixTimestamp64Milli(min(first_seen)) AS born,
    <<packed "arrayFilter((h, at) -> toUnixTimestamp64Milli(at) = born, groupArray(cityHash64(release)) AS hashes, groupArray(first_seen))">> AS firsts, <<packed "hashes">> AS seen
FROM issue_release
WHERE project_id = {project:UInt32} AND _part IN {names:Array(String)} AND <<.Same "environment" "environment">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, fingerprint
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), '', ''
<<- end>>
-- step merged: rows
SELECT fingerprint, survivor FROM issue_of WHERE project_id = {project:UInt32} AND survivor != fingerprint
-- step known: rows
WITH
    known AS (
        SELECT release, born, n, started, crashed, rank,
            max(if(started < {min_sessions:UInt32} AND n < {min_events:UInt32}, 0, rank)) OVER (ORDER BY rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS solid,
            if(solid = 0, rank - 1, solid) AS base
        FROM (
            SELECT release, min(born) AS born, sum(n) AS n, sum(started) AS started, sum(crashed) AS crashed, toInt64(row_number() OVER (ORDER BY born, release)) AS rank
            FROM (
                SELECT release, min(first_seen) AS born, sum(events) AS n, toUInt64(0) AS started, toUInt64(0) AS crashed FROM release_rollup
                WHERE project_id = {project:UInt32} AND <<.Same "environment" "environment">> GROUP BY release
                UNION ALL
                SELECT CAST(release, 'String'), toDateTime64(min(hour) + 3599, 3, 'UTC'), toUInt64(0), sum(h.started), sum(h.crashed) FROM session_hour AS h
                WHERE project_id = {project:UInt32} AND release != '' AND <<.Same "environment" "environment">> GROUP BY release)
            GROUP BY release))
SELECT r.release AS release, p.release AS before, toDateTime64(r.born, 3, 'UTC') AS first_seen, r.n AS events, cityHash64(r.release) AS hash,
    toUInt64(0) AS new_issues, toUInt64(0) AS returned_issues, r.started AS sessions,
    if(r.started > 0, greatest(0, 1 - r.crashed / r.started), NULL) AS crash_free, if(p.started > 0, greatest(0, 1 - p.crashed / p.started), NULL) AS crash_free_before,
    if(r.started > 0, r.n / r.started, NULL) AS events_per_session,
    multiIf(r.started < greatest({min_sessions:UInt32}, 1) OR p.started < greatest({min_sessions:UInt32}, 1), 'unknown', crash_free < crash_free_before - 0.005, 'worse', crash_free > crash_free_before + 0.005, 'better', 'same') AS verdict,
    toUInt64(r.base) AS base
FROM known AS r
LEFT JOIN known AS p ON p.rank = r.base
ORDER BY r.rank
LIMIT 100000
-- step result: rows
WITH
    known AS (
        SELECT release, born, n, started, crashed, rank,
            max(if(started < {min_sessions:UInt32} AND n < {min_events:UInt32}, 0, rank)) OVER (ORDER BY rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS solid,
            if(solid = 0, rank - 1, solid) AS base
        FROM (
            SELECT release, min(born) AS born, sum(n) AS n, sum(started) AS started, sum(crashed) AS crashed, toInt64(row_number() OVER (ORDER BY born, release)) AS rank
            FROM (
                SELECT release, min(first_seen) AS born, sum(events) AS n, toUInt64(0) AS started, toUInt64(0) AS crashed FROM release_rollup
                WHERE project_id = {project:UInt32} AND <<.Same "environment" "environment">> GROUP BY release
                UNION ALL
                SELECT CAST(release, 'String'), toDateTime64(min(hour) + 3599, 3, 'UTC'), toUInt64(0), sum(h.started), sum(h.crashed) FROM session_hour AS h
                WHERE project_id = {project:UInt32} AND release != '' AND <<.Same "environment" "environment">> GROUP BY release)
            GROUP BY release))
SELECT r.release AS release, p.release AS before, toDateTime64(r.born, 3, 'UTC') AS first_seen, r.n AS events,
    i.fresh AS new_issues, i.returned AS returned_issues, r.started AS sessions,
    if(r.started > 0, greatest(0, 1 - r.crashed / r.started), NULL) AS crash_free, if(p.started > 0, greatest(0, 1 - p.crashed / p.started), NULL) AS crash_free_before,
    if(r.started > 0, r.n / r.started, NULL) AS events_per_session,
    multiIf(r.started < greatest({min_sessions:UInt32}, 1) OR p.started < greatest({min_sessions:UInt32}, 1), 'unknown', crash_free < crash_free_before - 0.005, 'worse', crash_free > crash_free_before + 0.005, 'better', 'same') AS verdict
FROM known AS r
LEFT JOIN known AS p ON p.rank = r.base
LEFT JOIN (
    SELECT rank, countIf(place = 1) AS fresh, countIf(place > 1 AND last_rank < base) AS returned
    FROM (
        SELECT k.rank AS rank, k.base AS base, row_number() OVER i AS place, lagInFrame(k.rank) OVER i AS last_rank
        FROM (
            SELECT <<survivor "fingerprint">> AS survivor, CAST(release, 'String') AS release FROM issue_release
            WHERE project_id = {project:UInt32} AND <<.Same "environment" "environment">> GROUP BY survivor, release) AS x
        INNER JOIN known AS k ON k.release = x.release
        WINDOW i AS (PARTITION BY x.survivor ORDER BY k.rank ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
    GROUP BY rank) AS i ON i.rank = r.rank
ORDER BY r.rank DESC
LIMIT least({limit:UInt32}, 200)
