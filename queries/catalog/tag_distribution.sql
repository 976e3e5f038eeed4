-- name: tag_distribution
-- purpose: Values of the tags of one issue, with their share; environment, release, level, server_name, transaction and service count as tags.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits.
-- param key String: One key; empty for all.
-- param from DateTime64 = -14d: Start, in whole days.
-- param to DateTime64 = now: End.
-- param top UInt32 = 10: Values a key, at most 1000.
-- column key String: Tag.
-- column value String: Value.
-- column events UInt64: Events with it.
-- column share Float64: Of the events that have the key, from 0 to 1; of a flood those that were kept whole.
-- column values UInt64: Different values of the key.
-- column last_seen DateTime('UTC'): Newest event with it.
-- cost: issue_tag by key. 10 ms.
-- bound: Top values of at most 1000 keys.
SELECT key, value, n AS events, n / total AS share, values, toDateTime(last, 'UTC') AS last_seen
FROM (
    SELECT CAST(t.key, 'String') AS key, t.value AS value, sum(t.events) AS n, max(t.last_seen) AS last,
        sum(n) OVER (PARTITION BY key) AS total, count() OVER (PARTITION BY key) AS values, row_number() OVER (PARTITION BY key ORDER BY n DESC, value) AS rank
    FROM issue_tag AS t
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND <<.Same "key" "key">>
        AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
    GROUP BY key, value
    HAVING n > 0)
WHERE rank <= least({top:UInt32}, 1000)
ORDER BY total DESC, key, rank
LIMIT 10000
