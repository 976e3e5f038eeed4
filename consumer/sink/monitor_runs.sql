-- Runs that began since a moment and have no end. One that says again that it is in
-- progress has from then on the time of a run. An end with an id of its own
-- belongs to the last run that was under way. What we found ourselves ends no other:
-- a job that hangs misses its next run, and is still to time out.
SELECT project_id, slug, environment, check_in_id, release, trace_id, started
FROM (
    SELECT project_id, CAST(monitor, 'String') AS slug, CAST(environment, 'String') AS environment, check_in_id, any(CAST(release, 'String')) AS release, any(trace_id) AS trace_id,
        countIf(status = 'in_progress') AS begun, countIf(status != 'in_progress') AS ended, countIf(status IN ('ok', 'error')) AS told,
        toUnixTimestamp64Milli(maxIf(ts, status = 'in_progress')) AS started,
        max(if(told > 0 AND begun = 0, toUnixTimestamp64Milli(max(ts)), 0)) OVER (PARTITION BY project_id, slug, environment) AS stranger
    FROM check_ins
    WHERE ts >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    GROUP BY project_id, slug, environment, check_in_id)
WHERE begun > 0 AND ended = 0 AND stranger < started
ORDER BY started
LIMIT 10000
