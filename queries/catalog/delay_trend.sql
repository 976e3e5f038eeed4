-- name: delay_trend
-- purpose: How long after they happened errors were received, over time: buffers of SDKs, retries, wrong clocks.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param bucket_seconds UInt32 = 3600: Width of a bucket.
-- column time DateTime('UTC'): Start of the bucket of receipt.
-- column p50 Float64: Median, in seconds.
-- column p99 Float64: 99 of 100 came sooner, in seconds.
-- cost: Two narrow columns of events of the window. 60 ms for a day of 5 million events.
-- bound: 10,000 buckets; the days of the window.
SELECT toStartOfInterval(toDateTime(e.received_at, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 1)), 'UTC') AS time,
    quantile(0.5)(dateDiff('millisecond', e.ts, e.received_at)) / 1000 AS p50, quantile(0.99)(dateDiff('millisecond', e.ts, e.received_at)) / 1000 AS p99
FROM events AS e
WHERE <<.Projects>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
    AND e.ts >= {from:DateTime64(3, 'UTC')} AND e.ts <= {to:DateTime64(3, 'UTC')}
GROUP BY time
ORDER BY time
LIMIT 10000
