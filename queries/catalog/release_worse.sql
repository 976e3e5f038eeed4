-- name: release_worse
-- purpose: How much larger a share of sessions crashes in the newest release of each project than in the one before, of releases with enough sessions to judge.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -14d: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param min_sessions UInt32 = 100: Releases with fewer sessions in the window are passed over, as newest and as the one before.
-- column project_id UInt32: Project.
-- column release String: Newest release that has sessions in the window: the one that was first seen last.
-- column previous String: The one before; empty where there is none.
-- column worse Float64: Its share of crashes less that of the one before; 0 where there is none.
-- cost: session_hour of the window, release_rollup of the projects. 20 ms.
-- bound: One row a project, 1000 at most.
SELECT project_id, release, previous, if(before < 0, 0, crash_rate - before) AS worse
FROM (
    SELECT project_id, release, crash_rate, lagInFrame(crash_rate, 1, -1) OVER w AS before, lagInFrame(release) OVER w AS previous,
        row_number() OVER (PARTITION BY project_id ORDER BY born DESC, version DESC, release DESC) AS age
    FROM (
        SELECT h.project_id AS project_id, h.release AS release, h.crash_rate AS crash_rate, r.version AS version, if(r.first > <<zero>>, least(r.first, h.began), h.began) AS born
        FROM (
            -- By the hour only it is known of a release that was there before release_rollup knew of sessions: somewhere in it.
            SELECT h.project_id AS project_id, CAST(h.release, 'String') AS release, toDateTime64(min(h.hour) + 3599, 3, 'UTC') AS began, least(1, sum(h.crashed) / sum(h.started)) AS crash_rate
            FROM session_hour AS h
            WHERE <<.Projects>> AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')} AND release != ''
            GROUP BY project_id, release
            HAVING sum(h.started) >= greatest({min_sessions:UInt32}, 1)) AS h
        LEFT JOIN (
            SELECT project_id, release, min(first_seen) AS first, any(version) AS version
            FROM release_rollup
            WHERE <<.Projects>>
            GROUP BY project_id, release) AS r ON r.project_id = h.project_id AND r.release = h.release)
    WINDOW w AS (PARTITION BY project_id ORDER BY born, version, release ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
WHERE age = 1
ORDER BY project_id
LIMIT 1000
