-- name: outcome_trend
-- purpose: What became of everything that came in, over time.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start, in whole minutes.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_seconds UInt32 = 3600: Width of a bucket, from 60.
-- column time DateTime('UTC'): Start of the bucket.
-- column series String: accepted, stored, duplicate, twin, filtered ...
-- column events UInt64: Items.
-- cost: The minutes of the window in outcomes. 5 ms.
-- bound: Buckets times outcomes.
SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time, CAST(outcome, 'String') AS series, sum(quantity) AS events
FROM outcomes
WHERE <<.Projects>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
GROUP BY time, series
ORDER BY time, series
