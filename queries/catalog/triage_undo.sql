-- name: triage_undo
-- purpose: The actions of an action id or a bulk id that are not undone yet, and the ignores that carry one of them on.
-- param project UInt32 required: Project id.
-- param id UUID required: Action id or bulk id.
-- column fingerprint UInt64: A number, for programs only.
-- column action_id UUID: Of the action.
-- cost: The triage log of the project. 5 ms.
-- bound: 100,000 rows: a merge of 1000 issues moves all that was merged into them before.
SELECT fingerprint, action_id
FROM issue_actions
WHERE project_id = {project:UInt32} AND action != 'undo'
    AND (action_id = {id:UUID} OR bulk_id = {id:UUID} OR action = 'ignore' AND target_action IN (SELECT action_id FROM issue_actions WHERE project_id = {project:UInt32} AND (action_id = {id:UUID} OR bulk_id = {id:UUID})))
    AND action_id NOT IN (SELECT target_action FROM issue_actions WHERE project_id = {project:UInt32} AND action = 'undo')
ORDER BY action_id
LIMIT 100000
