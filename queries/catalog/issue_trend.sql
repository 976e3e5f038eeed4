-- name: issue_trend
-- purpose: Events and users of one issue over time, gaps filled with zeros.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param from DateTime64 = -24h: Start, in whole buckets.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket String = hour of minute,hour,day: Width of a bucket; minutes are read from events.
-- param environment String: Environment; empty for all.
-- param release String: Release; empty for all.
-- column time DateTime('UTC'): Start of the bucket.
-- column events UInt64: Events.
-- column users UInt64: Users (sketch).
-- cost: Hours and days come from rollups by issue, 8 ms, and are kept by parts of these, of which those are read that are not known yet; minutes, and hours of a window that begins more than 90 days ago, from events of the issue, 15 ms for 0.4 million.
-- bound: 10,000 buckets; more are refused.
-- step all: page Array(UInt64), shared Array(Int64), names Array(String), span Array(Int64)
<</* Fingerprints of the issue. Buckets that several parts have. Names of parts of a table, and the first and the last millisecond that is read of them: asking/kept.go; put together in trend/issue.go. */>>
-- step engine: rows
<<- if not (.Is "bucket" "minute")>>
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
<<- end>>
-- step members: rows
<<- if not (.Is "bucket" "minute")>>
SELECT fingerprint FROM <<members>>
<<- end>>
-- step parts: rows
<<- .Buckets 10000>>
<<- if .Is "bucket" "hour">>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUnixTimestamp(min(hour))) * 1000 AS first, toInt64(toUnixTimestamp(max(hour))) * 1000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_hour
GROUP BY part, name, server
<<- else if .Is "bucket" "day">>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUInt16(min(day))) * 86400000 AS first, toInt64(toUInt16(max(day))) * 86400000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_day
GROUP BY part, name, server
<<- end>>
-- step points: rows
<<- if .Given "names">>
<<- if .Is "bucket" "hour">>
SELECT cityHash64(_part, serverUUID()) AS part, toUInt64(1) AS one, toInt64(toUnixTimestamp(hour)) * 1000 AS slot, sum(h.events) AS n, uniqCombinedArrayMerge(12)(h.users) AS u
FROM issue_hour AS h
WHERE project_id = {project:UInt32} AND fingerprint IN {page:Array(UInt64)} AND hour >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC')
<<- else>>
SELECT cityHash64(_part, serverUUID()) AS part, toUInt64(1) AS one, toInt64(toUInt16(day)) * 86400000 AS slot, sum(d.events) AS n, uniqCombinedArrayMerge(12)(d.users) AS u
FROM issue_day AS d
WHERE project_id = {project:UInt32} AND fingerprint IN {page:Array(UInt64)} AND day >= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC')) AND day <= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'))
<<- end>>
    AND _part IN {names:Array(String)} AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
GROUP BY part, slot
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), toUInt64(0), toUInt64(0)
<<- end>>
-- step shared: rows
<<- if .Given "shared">>
<<- if .Is "bucket" "hour">>
SELECT toInt64(toUnixTimestamp(hour)) * 1000 AS slot, uniqCombinedArrayMerge(12)(h.users) AS u, any(cityHash64(serverUUID())) AS server
FROM issue_hour AS h
WHERE project_id = {project:UInt32} AND fingerprint IN {page:Array(UInt64)} AND hour >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC')
<<- else>>
SELECT toInt64(toUInt16(day)) * 86400000 AS slot, uniqCombinedArrayMerge(12)(d.users) AS u, any(cityHash64(serverUUID())) AS server
FROM issue_day AS d
WHERE project_id = {project:UInt32} AND fingerprint IN {page:Array(UInt64)} AND day >= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC')) AND day <= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'))
<<- end>>
    AND <<.Same "environment" "environment">> AND <<.Same "release" "release">> AND has({shared:Array(Int64)}, slot)
GROUP BY slot
<<- end>>
-- step result: rows
<<.Buckets 10000>>
<<- if or (.Is "bucket" "minute") (and .Long (.Is "bucket" "hour"))>>
SELECT <<if .Is "bucket" "minute">>toStartOfMinute<<else>>toStartOfHour<<end>>(toDateTime(ts, 'UTC')) AS time, sum(toUInt64(weight)) AS events, uniqCombinedArray(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users
FROM events
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
    AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= <<if .Is "bucket" "minute">>toStartOfMinute<<else>>toStartOfHour<<end>>({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')}
<<- else if .Is "bucket" "hour">>
SELECT hour AS time, sum(h.events) AS events, uniqCombinedArrayMerge(12)(h.users) AS users
FROM issue_hour AS h
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
    AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>>
SELECT toDateTime(day, 'UTC') AS time, sum(d.events) AS events, uniqCombinedArrayMerge(12)(d.users) AS users
FROM issue_day AS d
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
    AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND <<.Same "environment" "environment">> AND <<.Same "release" "release">>
GROUP BY time
ORDER BY time WITH FILL
<<- if .Is "bucket" "minute">> FROM toDateTime(toStartOfMinute({from:DateTime64(3, 'UTC')}), 'UTC') TO toDateTime({to:DateTime64(3, 'UTC')}, 'UTC') + 1 STEP 60
<<- else if .Is "bucket" "hour">> FROM toDateTime(toStartOfHour({from:DateTime64(3, 'UTC')}), 'UTC') TO toDateTime({to:DateTime64(3, 'UTC')}, 'UTC') + 1 STEP 3600
<<- else>> FROM toDateTime(toStartOfDay({from:DateTime64(3, 'UTC')}), 'UTC') TO toDateTime({to:DateTime64(3, 'UTC')}, 'UTC') + 1 STEP 86400
<<- end>>
LIMIT 10000
