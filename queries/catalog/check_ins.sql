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
-- column p50_ms Float64: Median run time.
-- column p95_ms Float64: 95 % of runs are faster.
-- cost: check_ins of the window. 10 ms.
-- bound: 1000 rows.
SELECT c.monitor AS monitor, c.environment AS environment, m.schedule AS schedule, c.status_ AS last_status, c.at_ AS last_at, c.n AS total, c.bad AS failed, c.a AS p50_ms, c.b AS p95_ms
FROM (
    SELECT CAST(monitor, 'String') AS monitor, CAST(environment, 'String') AS environment, CAST(argMax(status, (ts, received_at)), 'String') AS status_, max(ts) AS at_,
        uniqExactIf(check_in_id, status != 'in_progress') AS n, uniqExactIf(check_in_id, status IN ('error', 'missed', 'timeout')) AS bad,
        ifNotFinite(quantileIf(0.5)(toFloat64(duration_ms), duration_ms > 0), 0) AS a, ifNotFinite(quantileIf(0.95)(toFloat64(duration_ms), duration_ms > 0), 0) AS b
    FROM check_ins
    WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    GROUP BY monitor, environment) AS c
LEFT JOIN (SELECT slug, schedule FROM monitors FINAL WHERE project_id = {project:UInt32}) AS m ON m.slug = c.monitor
ORDER BY failed DESC, monitor, environment
LIMIT 1000
