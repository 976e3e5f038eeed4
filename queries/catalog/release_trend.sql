-- name: release_trend
-- purpose: Crash-free sessions over time, releases side by side.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_hours UInt32 = 1: Width of a bucket.
-- param environment String: Environments, one a line; empty for all.
-- column project_id UInt32: Project.
-- column time DateTime('UTC'): Start of the bucket.
-- column release String: Release; empty where sessions name none.
-- column crash_free Float64: Share of its sessions that did not crash, from 0 to 1.
-- cost: session_hour of the window. 10 ms.
-- bound: 10,000 rows, the newest.
SELECT *
FROM (
    SELECT h.project_id AS project_id, toStartOfInterval(h.hour, toIntervalSecond(least(greatest({bucket_hours:UInt32}, 1), 1000000) * 3600), 'UTC') AS time, CAST(h.release, 'String') AS release,
        greatest(0, 1 - sum(h.crashed) / sum(h.started)) AS crash_free
    FROM session_hour AS h
    WHERE <<.Projects>> AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')} AND <<.AnyOf "environment">>
    GROUP BY project_id, time, release
    HAVING sum(h.started) > 0
    ORDER BY time DESC, project_id, release
    LIMIT 10000)
ORDER BY time, project_id, release
