-- name: similar_issues
-- purpose: Other issues of the project that look like this one: same type, culprit or words of the title. Candidates to merge.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param limit UInt32 = 20: Rows, at most 200.
-- column issue String: 16 hex digits.
-- column title String: Of the newest event.
-- column culprit String: Where it happened.
-- column type String: Type of the exception.
-- column events UInt64: Events ever.
-- column last_seen DateTime64(3, 'UTC'): Newest event.
-- column similarity Float64: From 0 to 1: title 0.5, culprit 0.3, type 0.2, of what one of both has.
-- cost: States of all issues of the project: 40 ms for 2,000 issues.
-- bound: 20,000 issues seen last, 200 rows.
WITH
    (SELECT argMaxMerge(last) FROM issue_rollup WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>) AS own
SELECT <<hex "survivor">> AS issue, l.1 AS title, l.2 AS culprit, l.3 AS type, n AS events, toDateTime64(last_seen_, 3, 'UTC') AS last_seen,
    assumeNotNull(round((0.5 * if(least(length(l.1), length(own.1)) < 4, toFloat32(l.1 = own.1 AND l.1 != ''), 1 - ngramDistance(l.1, own.1)) + 0.3 * (placed AND l.2 = own.2) + 0.2 * (typed AND l.3 = own.3)) / (0.5 + 0.3 * placed + 0.2 * typed), 4)) AS similarity
FROM (
    -- Titles of fewer than four letters are all alike to ngramDistance: 404 and 500, or no title at all.
    -- What neither issue has says nothing about them: two messages are alike by their titles alone.
    SELECT <<survivor "fingerprint">> AS survivor, argMaxMerge(last) AS l, sum(events) AS n, max(last_seen) AS last_seen_,
        (l.2, own.2) != ('', '') AS placed, (l.3, own.3) != ('', '') AS typed
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint NOT IN <<members>>
    GROUP BY survivor
    ORDER BY last_seen_ DESC
    LIMIT 20000)
WHERE similarity >= 0.4
ORDER BY similarity DESC, events DESC, issue
LIMIT least({limit:UInt32}, 200)
