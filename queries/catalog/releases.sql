-- name: releases
-- purpose: Releases of a project: events, new issues, sessions, crash-free rates.
-- param project UInt32 required: Project id.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column release String: Release.
-- column first_seen DateTime64(3, 'UTC'): First error, session or transaction.
-- column last_seen DateTime64(3, 'UTC'): Last error, session or transaction.
-- column events UInt64: Events.
-- column issues UInt64: Issues seen in it.
-- column new_issues UInt64: Issues first seen in it.
-- column sessions UInt64: Sessions.
-- column crashed_sessions UInt64: Of them crashed.
-- column crash_free_sessions Nullable(Float64): Share from 0 to 1; null without sessions.
-- column users UInt64: Users of sessions (sketch).
-- column crash_free_users Nullable(Float64): Share from 0 to 1; null without users.
-- applied: limit
-- cost: release_rollup and session_hour of the project; issues by release are kept by parts of issue_release, of which those are read that are not known yet. 15 ms; where all parts are new, 2 ms for 20,000 pairs of an issue and a release.
-- bound: 1000 rows.
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
WHERE project_id = {project:UInt32} AND _part IN {names:Array(String)}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, fingerprint
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), '', ''
<<- end>>
-- step merged: rows
SELECT fingerprint, survivor FROM issue_of WHERE project_id = {project:UInt32} AND survivor != fingerprint
-- step known: rows
SELECT release, toDateTime64(min(first), 3, 'UTC') AS first_seen, greatest(toDateTime64(max(last), 3, 'UTC'), first_seen) AS last_seen, sum(n) AS events, cityHash64(release) AS hash, toUInt64(0) AS issues, toUInt64(0) AS new_issues,
    sum(began) AS sessions, sum(failed) AS crashed_sessions, if(sessions > 0, greatest(0, 1 - crashed_sessions / sessions), NULL) AS crash_free_sessions,
    uniqCombinedMerge(14)(people) AS users, if(users > 0, greatest(0, 1 - uniqCombinedMerge(14)(unlucky) / users), NULL) AS crash_free_users
FROM (
    SELECT release, min(r.first_seen) AS first, max(r.last_seen) AS last, sum(r.events) AS n, toUInt64(0) AS began, toUInt64(0) AS failed,
        arrayReduce('uniqCombinedState(14)', emptyArrayUInt64()) AS people, people AS unlucky
    FROM release_rollup AS r
    WHERE project_id = {project:UInt32}
    GROUP BY release
    UNION ALL
    SELECT CAST(release, 'String'), toDateTime64(min(hour) + 3599, 3, 'UTC'), toDateTime64(max(hour), 3, 'UTC'), toUInt64(0), sum(h.started), sum(h.crashed),
        uniqCombinedMergeState(14)(h.users), uniqCombinedMergeState(14)(h.users_crashed)
    FROM session_hour AS h
    WHERE project_id = {project:UInt32} AND release != ''
    GROUP BY release)
GROUP BY release
ORDER BY first_seen DESC, release
LIMIT least({limit:UInt32}, 1000)
-- step result: rows
SELECT release, first_seen, last_seen, events, issues, new_issues, sessions, crashed_sessions, crash_free_sessions, users, crash_free_users
FROM releases
WHERE project_id = {project:UInt32}
ORDER BY first_seen DESC, release
LIMIT least({limit:UInt32}, 1000)
