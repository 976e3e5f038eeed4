-- name: issue_grouping
-- purpose: Why the events of an issue are one issue: how its newest event was grouped.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- column grouping_version String: Version of grouping.
-- column component String: What decided.
-- column reason String: Which values counted.
-- column hashes Array(String): Hashes in order, 16 hex digits each.
-- cost: The newest day of issue_day, then events of the issue on it. 10 ms.
-- bound: One row.
-- step days: newest Array(String)
SELECT toString(max(day)) FROM issue_day WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
-- step result: rows
SELECT CAST(grouping_version, 'String') AS grouping_version, CAST(deciding_component, 'String') AS component, grouping_reason AS reason, arrayMap(h -> <<hex "h">>, hashes) AS hashes
FROM events
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND toDate(ts) = toDate(arrayElement({newest:Array(String)}, 1))
ORDER BY weight > 0 DESC, ts DESC
LIMIT 1
