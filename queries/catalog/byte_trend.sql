-- name: byte_trend
-- purpose: Bytes of stored payloads over time, by protocol.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param bucket_seconds UInt32 = 3600: Width of a bucket.
-- column project_id UInt32: Project.
-- column time DateTime('UTC'): Start of the bucket.
-- column protocol String: sentry, otlp, otlp_logs.
-- column bytes UInt64: Bytes before compression.
-- cost: Three narrow columns of events of the window. 60 ms for a day of 5 million events.
-- bound: 10,000 rows; the days of the window.
SELECT e.project_id AS project_id, toStartOfInterval(toDateTime(e.ts, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 1)), 'UTC') AS time, toString(e.protocol) AS protocol, sum(e.payload_bytes) AS bytes
FROM events AS e
WHERE <<.Projects>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
    AND e.ts >= {from:DateTime64(3, 'UTC')} AND e.ts <= {to:DateTime64(3, 'UTC')}
GROUP BY project_id, time, protocol
ORDER BY time, project_id, protocol
LIMIT 10000
