-- name: error_trend
-- purpose: Events of a project over time, split by a dimension.
-- param project UInt32 = 0: Project id; 0 for all projects.
-- param from DateTime64 = -24h: Start, in whole minutes.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
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
-- applied: series
-- cost: project_minute of the window, 5 ms for a day. In buckets of whole hours, and of whole minutes in windows up to 26 hours, these are kept by parts, of which those are read that are not known yet: 15 ms for 30 days. What is older than 90 days, where a project keeps more, from events: 20 ms a million.
-- bound: Buckets times (series + 1).
-- step all: part Array(UInt8), ends Array(Int64), names Array(String), span Array(Int64)
<</* Where the whole hours of the window begin and end. Names of parts of a table, and the first and the last millisecond that is read of them: asking/kept.go; put together in trend/hours.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step minute_parts: rows
<<- if .Kept>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUnixTimestamp(min(minute))) * 1000 AS first, toInt64(toUnixTimestamp(max(minute))) * 1000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM project_minute
GROUP BY part, name, server
<<- end>>
-- step counted_hours: rows
<<- if and .Kept (.Given "names")>>
SELECT cityHash64(_part, serverUUID()) AS part, cityHash64(named) AS hash, toInt64(toUnixTimestamp(<<.KeptSlot>>)) * 1000 AS slot, <<if .Is "by" "environment" "release" "service" "level" "handled" "protocol">>toString(<<.Column>>)<<else>>'all'<<end>> AS named, sum(m.events) AS n
FROM project_minute AS m
WHERE minute >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND minute <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC')
    AND _part IN {names:Array(String)} AND <<.Project>> AND <<.Same "environment" "environment">> AND <<.Same "release" "release">> AND <<.Same "service" "service">> AND ({level:String} = '' OR toString(level) = {level:String})<<if .Given "part">> AND intDiv(toUnixTimestamp(minute), 3600) % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, slot, named
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), '', toUInt64(0)
<<- end>>
-- step cut_hours: rows
<<- if .Kept>>
SELECT toInt64(toUnixTimestamp(toStartOfHour(minute))) * 1000 AS slot, <<if .Is "by" "environment" "release" "service" "level" "handled" "protocol">>toString(<<.Column>>)<<else>>'all'<<end>> AS named, sum(m.events) AS n
FROM project_minute AS m
WHERE minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
    AND (minute < toDateTime(fromUnixTimestamp64Milli({ends:Array(Int64)}[1], 'UTC'), 'UTC') OR minute >= toDateTime(fromUnixTimestamp64Milli({ends:Array(Int64)}[2], 'UTC'), 'UTC')) AND <<.Project>> AND <<.Same "environment" "environment">> AND <<.Same "release" "release">> AND <<.Same "service" "service">> AND ({level:String} = '' OR toString(level) = {level:String})
GROUP BY slot, named
<<- end>>
-- step result: rows
<<- if not (.Is "by" "environment" "release" "service" "level" "handled" "protocol")>>
SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time, if({series:UInt32} = 0, 'other', 'all') AS series, sum(m.events) AS events
FROM <<.Minutes>> AS m
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
    FROM <<.Minutes>> AS m
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
