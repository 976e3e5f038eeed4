-- name: tag_lift
-- purpose: What is over-represented in one issue against its project: tag values by lift, with their support.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits.
-- param from DateTime64 = -14d: Start, in whole days.
-- param to DateTime64 = now: End.
-- param min_support Float64 = 0.05: Least share of the issue's events that have the value.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column key String: Tag.
-- column value String: Value.
-- column events UInt64: Events of the issue with it.
-- column support Float64: Share of the issue's events that have it.
-- column project_share Float64: Share of the project's events that have it.
-- column lift Float64: support over project_share: 1 means nothing special.
-- cost: issue_tag by key and project_tag of the window. 20 ms; every event has a level, so that its rows count all.
-- bound: 1000 rows.
SELECT key, value, n AS events, n / own AS support, p / everything AS project_share, support / project_share AS lift
FROM (
    SELECT key, value, sum(a) AS n, sum(b) AS p, sumIf(n, key = 'level') OVER () AS own, sumIf(p, key = 'level') OVER () AS everything
    FROM (
        SELECT CAST(t.key, 'String') AS key, t.value AS value, sum(t.events) AS a, toUInt64(0) AS b
        FROM issue_tag AS t
        WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
        GROUP BY key, value
        UNION ALL
        SELECT CAST(t.key, 'String') AS key, t.value AS value, toUInt64(0), sum(t.events)
        FROM project_tag AS t
        WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
        GROUP BY key, value)
    GROUP BY key, value)
WHERE n > 0 AND n >= {min_support:Float64} * own
ORDER BY lift DESC, support DESC, key, value
LIMIT least({limit:UInt32}, 1000)
