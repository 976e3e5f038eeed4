-- name: sessions
-- purpose: Release health over time: sessions, crashes, errored sessions, users, crash-free rates, durations.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -24h: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_hours UInt32 = 1: Width of a bucket.
-- param release String: Release; empty for all.
-- param environment String: Environment; empty for all.
-- column time DateTime('UTC'): Start of the bucket.
-- column sessions UInt64: Sessions that began.
-- column crashed UInt64: Of them crashed.
-- column abnormal UInt64: Of them abnormal.
-- column unhandled UInt64: Of them unhandled.
-- column errored UInt64: Of them with errors (sketch).
-- column users UInt64: Users (sketch).
-- column users_crashed UInt64: Users with a crash (sketch).
-- column crash_free_sessions Nullable(Float64): Share from 0 to 1.
-- column crash_free_users Nullable(Float64): Share from 0 to 1.
-- column p50_ms Float64: Median duration.
-- cost: session_hour of the window. 10 ms.
-- bound: 10,000 buckets.
SELECT toStartOfInterval(h.hour, toIntervalSecond(least(greatest({bucket_hours:UInt32}, 1), 1000000) * 3600), 'UTC') AS time,
    sum(h.started) AS sessions, sum(h.crashed) AS crashed, sum(h.abnormal) AS abnormal, sum(h.unhandled) AS unhandled,
    uniqCombinedMerge(14)(h.errored) + sum(h.errored_buckets) AS errored,
    uniqCombinedMerge(14)(h.users) AS users, uniqCombinedMerge(14)(h.users_crashed) AS users_crashed,
    if(sessions > 0, greatest(0, 1 - crashed / sessions), NULL) AS crash_free_sessions, if(users > 0, greatest(0, 1 - users_crashed / users), NULL) AS crash_free_users,
    ifNotFinite(toFloat64(quantilesTDigestMerge(0.5, 0.9, 0.99)(h.duration)[1]), 0) AS p50_ms
FROM session_hour AS h
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
    AND <<.Same "release" "release">> AND <<.Same "environment" "environment">>
GROUP BY time
ORDER BY time
LIMIT 10000
