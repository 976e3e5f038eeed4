-- name: tag_distribution
-- purpose: Values of the tags of one issue, with their share; environment, release, level, server_name, transaction and service count as tags.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param key String: One key; empty for all.
-- param from DateTime64 = -14d: Start, in whole days.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param top UInt32 = 10: Values a key, at most 1000.
-- column key String: Tag.
-- column value String: Value.
-- column events UInt64: Events with it.
-- column share Float64: Of the events that have the key, from 0 to 1; of a flood those that were kept whole.
-- column values UInt64: Different values of the key.
-- column last_seen DateTime('UTC'): Newest event with it.
-- applied: key, top
-- cost: issue_tag by key, kept by its parts, of which those are read that are not known yet: 8 ms. What is older than 90 days, where a project keeps more, from events of the issue: 150 ms for 10,000 in a million.
-- bound: Top values of at most 1000 keys.
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
-- step result: rows
SELECT key, value, n AS events, n / total AS share, values, toDateTime(last, 'UTC') AS last_seen
FROM (
    SELECT CAST(t.key, 'String') AS key, t.value AS value, sum(t.events) AS n, max(t.last_seen) AS last,
        sum(n) OVER (PARTITION BY key) AS total, count() OVER (PARTITION BY key) AS values, row_number() OVER (PARTITION BY key ORDER BY n DESC, value) AS rank
    FROM <<.TagRows "issue_tag" (print "project_id = {project:UInt32} AND fingerprint IN " members)>> AS t
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND <<.Same "key" "key">>
        AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= greatest(toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')} - INTERVAL 1 MILLISECOND))
    GROUP BY key, value
    HAVING n > 0)
WHERE rank <= least({top:UInt32}, 1000)
ORDER BY total DESC, key, rank
LIMIT 10000
