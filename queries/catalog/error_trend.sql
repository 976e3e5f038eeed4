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
<<- if not (.Is "by" "environment" "release" "service" "level" "handled" "protocol")>>
SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time, if({series:UInt32} = 0, 'other', 'all') AS series, sum(m.events) AS events
FROM project_minute AS m
WHERE <<.Project>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
    AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
    AND <<.Same "service" "service">> AND ({level:String} = '' OR toString(level) = {level:String})
GROUP BY time, series
ORDER BY time
<<- else>>
WITH counted AS (
    SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time,
        toString(<<.Column>>) AS series,
        sum(events) AS n
    FROM project_minute
    WHERE <<.Project>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
        AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
        AND <<.Same "service" "service">> AND ({level:String} = '' OR toString(level) = {level:String})
    GROUP BY time, series)
SELECT time, if(rank <= {series:UInt32}, series, 'other') AS series, sum(n) AS events
FROM (
    SELECT series, rank, arrayJoin(points) AS point, point.1 AS time, point.2 AS n
    FROM (SELECT series, points, row_number() OVER (ORDER BY total DESC, series) AS rank
        FROM (SELECT series, groupArray((time, n)) AS points, sum(n) AS total FROM counted GROUP BY series)))
GROUP BY time, series
ORDER BY time, series
<<- end>>
