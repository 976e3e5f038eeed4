-- name: error_trend
-- purpose: Events of a project over time, split by a dimension.
-- param project UInt32 = 0: Project id; 0 for all projects.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param bucket_seconds UInt32 = 3600: Width of a bucket, from 60.
-- param by String = none of none,environment,release,service,level,handled,protocol: Dimension.
-- param environment String: Environment; empty for all.
-- param release String: Release; empty for all.
-- param service String: Service; empty for all.
-- param level String: Level; empty for all.
-- param series UInt32 = 10: Largest series to keep; the rest is other.
-- column time DateTime('UTC'): Start of the bucket.
-- column series String: Value of the dimension.
-- column events UInt64: Events.
-- cost: project_minute of the window. 5 ms for a day, 30 ms for 30 days.
-- bound: Buckets times (series + 1).
WITH counted AS (
    SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time,
        multiIf({by:String} = 'environment', toString(environment), {by:String} = 'release', toString(release), {by:String} = 'service', toString(service),
            {by:String} = 'level', toString(level), {by:String} = 'handled', toString(handled), {by:String} = 'protocol', toString(protocol), 'all') AS series,
        sum(events) AS n
    FROM project_minute
    WHERE ({project:UInt32} = 0 OR project_id = {project:UInt32}) AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
        AND ({environment:String} = '' OR environment = {environment:String}) AND ({release:String} = '' OR release = {release:String})
        AND ({service:String} = '' OR service = {service:String}) AND ({level:String} = '' OR toString(level) = {level:String})
    GROUP BY time, series)
SELECT time, if(rank <= {series:UInt32}, series, 'other') AS series, sum(n) AS events
FROM (SELECT time, series, n, dense_rank() OVER (ORDER BY total DESC, series) AS rank
    FROM (SELECT time, series, n, sum(n) OVER (PARTITION BY series) AS total FROM counted))
GROUP BY time, series
ORDER BY time, series
