-- name: issue_titles
-- purpose: What issues are called: titles for charts and links that know their ids.
-- param projects String: Project ids with commas between; empty for all.
-- param issues String required: Issues of 16 hex digits with commas between.
-- column project_id UInt32: Project.
-- column issue String: 16 hex digits; of one that was merged away, the issue that it went into.
-- column title String: Type and value of the newest event.
-- cost: Those rows of issue_rollup. 5 ms.
-- bound: Issues times projects, at most 1000 rows.
WITH
    arrayMap(i -> reinterpretAsUInt64(reverse(unhex(i))), splitByChar(',', {issues:String})) AS wanted,
    -- What was asked for under a name that it had before it was merged.
    gone AS (SELECT project_id, survivor FROM issue_of WHERE has(wanted, fingerprint))
SELECT project_id, <<hex "survivor">> AS issue, argMaxMerge(last).1 AS title
FROM (
    SELECT project_id, <<survivor "fingerprint">> AS survivor, last
    FROM issue_rollup
    WHERE <<.Projects>> AND fingerprint IN (
        SELECT arrayJoin(wanted) UNION ALL SELECT survivor FROM gone
        UNION ALL SELECT fingerprint FROM issue_of WHERE has(wanted, survivor) OR (project_id, survivor) IN (SELECT project_id, survivor FROM gone)))
WHERE has(wanted, survivor) OR (project_id, survivor) IN (SELECT project_id, survivor FROM gone)
GROUP BY project_id, survivor
ORDER BY issue, project_id
LIMIT 1000
