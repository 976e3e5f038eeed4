-- name: issue_trend
-- purpose: Events and users of one issue over time, gaps filled with zeros.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param bucket String = hour of minute,hour,day: Width of a bucket; minutes are read from events.
-- param environment String: Environment; empty for all.
-- param release String: Release; empty for all.
-- column time DateTime('UTC'): Start of the bucket.
-- column events UInt64: Events.
-- column users UInt64: Users (sketch).
-- cost: Hours and days come from rollups, 8 ms; minutes from events of the issue, 15 ms for 0.4 million.
-- bound: 10,000 buckets; more are refused.
<<.Buckets 10000>>
<<- if .Is "bucket" "minute">>
SELECT toStartOfMinute(toDateTime(ts, 'UTC')) AS time, sum(toUInt64(weight)) AS events, uniqCombinedArray(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users
FROM events
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
    AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')}
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
