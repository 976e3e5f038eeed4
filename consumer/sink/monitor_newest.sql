-- Of each monitor and environment the newest check-in since a moment: of those
-- that came, and of these and the missed ones together.
SELECT project_id, CAST(monitor, 'String') AS slug, CAST(environment, 'String') AS environment,
    toUnixTimestamp64Milli(maxIf(ts, status NOT IN ('missed', 'timeout'))) AS came, toUnixTimestamp64Milli(maxIf(ts, status != 'timeout')) AS newest
FROM check_ins
WHERE ts >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
GROUP BY project_id, slug, environment
