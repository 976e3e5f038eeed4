-- name: delay_trend
-- purpose: How long after they happened errors were received, over time: buffers of SDKs, retries, wrong clocks.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_seconds UInt32 = 3600: Width of a bucket. In whole five minutes the window is counted in them too.
-- column time DateTime('UTC'): Start of the bucket of receipt.
-- column p50 Float64: Median, in seconds, to 1.6 %.
-- column p99 Float64: 99 of 100 came sooner, in seconds, to 1.6 %.
-- cost: received_delay of the window: 40 ms a week. Other buckets, and the time before the rollup came: two narrow columns of events, 100 ms a million.
-- bound: 10,000 buckets, the newest; the days of the window.
<<if .Fives>>WITH <<.FirstSlot "received_delay">><<end>>
SELECT *
FROM (
    SELECT time, quantiles[1] / 1000 AS p50, quantiles[2] / 1000 AS p99
    FROM (
        SELECT time, quantilesExactWeighted(0.5, 0.99)(delay, rows) AS quantiles
        FROM (
            <<- if .Fives>>
            SELECT toStartOfInterval(received, toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, delay, d.stored AS rows
            FROM received_delay AS d
            WHERE <<.Projects>> AND slot >= first_slot AND slot <= {to:DateTime64(3, 'UTC')}
            UNION ALL
            <<- end>>
            SELECT toStartOfInterval(toDateTime(received_at, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 1)), 'UTC') AS time, <<.Delay>> AS delay, toUInt64(1) AS rows
            FROM events
            WHERE <<.Projects>> AND <<if .Fives>><<.BeforeSlots 300>><<else>><<.Window>><<end>>)
        GROUP BY time)
    ORDER BY time DESC
    LIMIT 10000)
ORDER BY time
