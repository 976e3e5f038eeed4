-- name: check_ins
-- purpose: Monitors with their newest check-in, failures and run times.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -7d: Start.
-- param to DateTime64 = now: End.
-- column monitor String: Slug.
-- column environment String: Environment.
-- column schedule String: Crontab text, or number and unit.
-- column last_status String: Of the newest check-in.
-- column last_at DateTime64(3, 'UTC'): When it came.
-- column total UInt64: Check-ins that ended.
-- column failed UInt64: Of them error, missed or timeout.
-- column p50_ms Float64: Median run time, as told or from its beginning to its end.
-- column p95_ms Float64: 95 % of runs are faster.
-- cost: check_ins of the window. 10 ms.
-- bound: 1000 rows.
SELECT c.monitor AS monitor, c.environment AS environment, m.schedule AS schedule, c.status_ AS last_status, c.at_ AS last_at, c.n AS total, c.bad AS failed, c.a AS p50_ms, c.b AS p95_ms
FROM (
    SELECT monitor, environment, CAST(argMax(status_, (last_, status_ != 'in_progress', received_)), 'String') AS status_, max(last_) AS at_,
        sum(ended_) AS n, sum(bad_) AS bad,
        ifNotFinite(quantileIf(0.5)(took_, took_ > 0), 0) AS a, ifNotFinite(quantileIf(0.95)(took_, took_ > 0), 0) AS b
    FROM (
        SELECT CAST(monitor, 'String') AS monitor, CAST(environment, 'String') AS environment, check_in_id,
            argMax(status, (ts, status != 'in_progress', received_at)) AS status_, max(ts) AS last_, max(received_at) AS received_,
            max(status != 'in_progress') AS ended_, max(status IN ('error', 'missed', 'timeout')) AS bad_,
            minIf(ts, status = 'in_progress') AS began_, maxIf(ts, status IN ('ok', 'error')) AS told_,
            toFloat64(if(max(duration_ms) > 0, max(duration_ms), if(toUnixTimestamp64Milli(began_) > 0 AND told_ > began_, toUInt64(dateDiff('millisecond', began_, told_)), 0))) AS took_
        FROM check_ins
        WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
        GROUP BY monitor, environment, check_in_id)
    GROUP BY monitor, environment) AS c
LEFT JOIN (SELECT slug, schedule FROM monitors FINAL WHERE project_id = {project:UInt32}) AS m ON m.slug = c.monitor
ORDER BY failed DESC, monitor, environment
LIMIT 1000
