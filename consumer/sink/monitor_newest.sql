-- Of each monitor and environment the newest check-in since a moment: of those
-- that came, and of these and the missed ones together; and when the newest run
-- began: check-ins of one id are one run, and an end says how long it took.
SELECT project_id, slug, environment, max(came_) AS came, max(started_) AS started, max(newest_) AS newest
FROM (
    SELECT project_id, CAST(monitor, 'String') AS slug, CAST(environment, 'String') AS environment,
        toUnixTimestamp64Milli(maxIf(ts, status NOT IN ('missed', 'timeout'))) AS came_, toUnixTimestamp64Milli(maxIf(ts, status != 'timeout')) AS newest_,
        minIf(toUnixTimestamp64Milli(ts) - toInt64(least(duration_ms, 1000000000000)), status NOT IN ('missed', 'timeout')) AS started_
    FROM check_ins
    WHERE ts >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    GROUP BY project_id, slug, environment, check_in_id)
GROUP BY project_id, slug, environment
