-- name: issue_releases
-- purpose: Releases that an issue was seen in.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column release String: Release.
-- column events UInt64: Events of the issue in it.
-- column first_seen DateTime64(3, 'UTC'): First one.
-- column last_seen DateTime64(3, 'UTC'): Last one.
-- cost: Keys of issue_release. 5 ms.
-- bound: 1000 rows.
SELECT CAST(release, 'String') AS release, sum(r.events) AS events, toDateTime64(min(r.first_seen), 3, 'UTC') AS first_seen, toDateTime64(max(r.last_seen), 3, 'UTC') AS last_seen
FROM issue_release AS r
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
GROUP BY release
ORDER BY first_seen DESC, release
LIMIT least({limit:UInt32}, 1000)
