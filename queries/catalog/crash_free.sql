-- name: crash_free
-- purpose: Crash-free sessions of each release in a window, of releases with enough sessions to judge.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param min_sessions UInt32 = 100: Releases with fewer sessions in the window are left out.
-- column project_id UInt32: Project.
-- column release String: Release.
-- column crash_free Float64: Share of its sessions that did not crash, from 0 to 1.
-- column sessions UInt64: Its sessions in the window.
-- cost: session_hour of the window. 10 ms.
-- bound: 1000 rows, those with the lowest share first.
SELECT h.project_id AS project_id, CAST(h.release, 'String') AS release, greatest(0, 1 - sum(h.crashed) / sum(h.started)) AS crash_free, sum(h.started) AS sessions
FROM session_hour AS h
WHERE <<.Projects>> AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')} AND release != ''
GROUP BY project_id, release
HAVING sessions >= greatest({min_sessions:UInt32}, 1)
ORDER BY crash_free, project_id, release
LIMIT 1000
