-- name: issue_history
-- purpose: What was done about an issue, oldest first, undone actions marked; comments on what was merged into it are its own.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- column at DateTime64(3, 'UTC'): When.
-- column actor String: Who.
-- column action String: What.
-- column detail String: Release, time, count, person or issue that it names.
-- column comment String: In words.
-- column undone UInt8: 1 where it was taken back.
-- column issue String: The issue acted on: for merges the one that moved, for comments the one commented on.
-- column action_id UUID: For undo.
-- column bulk_id UUID: Shared by the actions of one command; zero for a single one.
-- cost: The triage log of the project. 5 ms.
-- bound: 10,000 rows.
SELECT at, actor, CAST(action, 'String') AS action, CAST(detail, 'String') AS detail, comment, undone, issue, action_id, bulk_id
FROM issue_history
WHERE project_id = {project:UInt32} AND (issue = <<hex issue>> OR comment != '' AND reinterpretAsUInt64(reverse(unhex(issue))) IN <<members>> OR action IN ('merge', 'split') AND action_id IN (
    SELECT action_id FROM issue_actions WHERE project_id = {project:UInt32} AND (into = <<issue>> OR fingerprint = <<issue>>
        OR fingerprint IN (SELECT fingerprint FROM issue_actions WHERE project_id = {project:UInt32} AND action = 'merge' AND into = <<issue>>))))
ORDER BY at, action_id
LIMIT 10000
