-- name: new_since_release
-- purpose: Issues first seen in a release or after it came: what a deploy brought.
-- param project UInt32 required: Project id.
-- param release String required: Release.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column issue String: 16 hex digits.
-- column title String: Of the newest event.
-- column culprit String: Where it happened.
-- column first_release String: Release that it was first seen in.
-- column first_seen DateTime64(3, 'UTC'): Oldest event.
-- column events UInt64: Events ever.
-- column users UInt64: Users ever (sketch).
-- cost: Plain columns of issue_rollup of the project, then the states of what is new. 15 ms.
-- bound: 1000 rows.
WITH
    (SELECT min(first_seen) FROM release_rollup WHERE project_id = {project:UInt32} AND release = {release:String}) AS born
SELECT <<hex "survivor">> AS issue, l.1 AS title, l.2 AS culprit, f.1 AS first_release, toDateTime64(first_seen_, 3, 'UTC') AS first_seen, n AS events, u AS users
FROM (
    SELECT <<survivor "fingerprint">> AS survivor, min(first_seen) AS first_seen_, sum(events) AS n, argMaxMerge(last) AS l, argMinMerge(first) AS f, uniqCombinedArrayMerge(12)(users) AS u
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND <<survivor "fingerprint">> GLOBAL IN (
        SELECT survivor FROM (
            SELECT <<survivor "fingerprint">> AS survivor, min(first_seen) AS oldest FROM issue_rollup WHERE project_id = {project:UInt32} GROUP BY survivor)
        WHERE oldest >= born AND born > <<zero>>)
    GROUP BY survivor)
ORDER BY events DESC, issue
LIMIT least({limit:UInt32}, 1000)
