-- name: tag_lift
-- purpose: What is over-represented in one issue against its project: tag values by lift, with their support.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param from DateTime64 = -14d: Start, in whole days.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param min_support Float64 = 0.05: Least share of the issue's events that have the value.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column key String: Tag.
-- column value String: Value.
-- column events UInt64: Events of the issue with it.
-- column support Float64: Share of the issue's events that have it.
-- column project_share Float64: Share of the project's events that have it.
-- column lift Float64: support over project_share: 1 means nothing special.
-- applied: min_support, limit
-- cost: issue_tag by key and project_tag of the window, kept by their parts, of which those are read that are not known yet: 12 ms, and where a project keeps more than 90 days what is older from events, 700 ms a million; every event has a level, so that its rows count all.
-- bound: 1000 rows.
-- step all: part Array(UInt8), page Array(UInt64), names Array(String), span Array(Int64)
<</* Fingerprints of the issue. Names of parts of a table, and the first and the last millisecond that is read of them: asking/kept.go; put together in tag/tag.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step members: rows
SELECT fingerprint FROM <<members>>
-- step tag_parts: rows
<<tagParts "issue_tag">>
-- step tags: rows
<<.IssueTags>>
-- step project_parts: rows
<<tagParts "project_tag">>
-- step project_tags: rows
<<.ProjectTags>>
-- step result: rows
SELECT key, value, n AS events, n / own AS support, p / everything AS project_share, support / project_share AS lift
FROM (
    SELECT key, value, sum(a) AS n, sum(b) AS p, sumIf(n, key = 'level') OVER () AS own, sumIf(p, key = 'level') OVER () AS everything
    FROM (
        SELECT CAST(t.key, 'String') AS key, t.value AS value, sum(t.events) AS a, toUInt64(0) AS b
        FROM <<.TagRows "issue_tag" (print "project_id = {project:UInt32} AND fingerprint IN " members)>> AS t
        WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= greatest(toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')} - INTERVAL 1 MILLISECOND))
        GROUP BY key, value
        UNION ALL
        SELECT CAST(t.key, 'String') AS key, t.value AS value, toUInt64(0), sum(t.events)
        FROM <<.TagRows "project_tag" "project_id = {project:UInt32}">> AS t
        WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= greatest(toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')} - INTERVAL 1 MILLISECOND))
        GROUP BY key, value)
    GROUP BY key, value)
WHERE n > 0 AND n >= {min_support:Float64} * own
ORDER BY lift DESC, support DESC, key, value
LIMIT least({limit:UInt32}, 1000)
