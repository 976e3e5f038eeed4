-- Where a fingerprint belongs: the newest merge or split that was not undone.
-- A fingerprint without one is its own issue.
{{view "issue_merges"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "fingerprint" "UInt64" "Both: of the events that moved."
    "survivor" "UInt64" "Of the triage log: fingerprint of the issue that they belong to now."}} AS
SELECT project_id, fingerprint, argMax(into, (at, action_id)) AS survivor
FROM {{name "issue_actions"}}
WHERE action IN ('merge', 'split')
    AND action_id NOT IN (SELECT target_action FROM {{name "issue_actions"}} WHERE action = 'undo')
GROUP BY project_id, fingerprint;

{{dictionary "issue_of"}}
(
    project_id UInt32,
    fingerprint UInt64,
    survivor UInt64
)
PRIMARY KEY project_id, fingerprint
{{selfSource (printf "SELECT project_id, fingerprint, survivor FROM %s" (name "issue_merges"))}}
LIFETIME(MIN 1 MAX 2)
LAYOUT(COMPLEX_KEY_HASHED())
COMMENT 'Fingerprint to the fingerprint of the issue that it was merged into.';
