-- name: request_trend
-- purpose: Requests, and those of them that failed, over time.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_hours UInt32 = 1: Width of a bucket.
-- param service String: Services, one a line; empty for all.
-- param environment String: Environments, one a line; empty for all.
-- column project_id UInt32: Project.
-- column time DateTime('UTC'): Start of the bucket.
-- column requests UInt64: Segment spans.
-- column failed UInt64: Of them with status error.
-- cost: segment_hour of the window. 10 ms. What is older than 90 days, where a project keeps more, from spans: 400 ms a million.
-- bound: 10,000 rows, the newest.
SELECT *
FROM (
    SELECT h.project_id AS project_id, toStartOfInterval(h.hour, toIntervalSecond(least(greatest({bucket_hours:UInt32}, 1), 1000000) * 3600), 'UTC') AS time, sum(h.segments) AS requests, sum(h.failed) AS failed
    FROM <<.Segments>> AS h
    WHERE <<.Projects>> AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')} AND <<.AnyOf "service">> AND <<.AnyOf "environment">>
    GROUP BY project_id, time
    ORDER BY time DESC, project_id
    LIMIT 10000)
ORDER BY time, project_id
