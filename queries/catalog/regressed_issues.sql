-- name: regressed_issues
-- purpose: Issues that came back after they were resolved.
-- param project UInt32 required: Project id.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column issue String: 16 hex digits.
-- column title String: Of the newest event.
-- column resolved_at DateTime64(3, 'UTC'): When it was resolved.
-- column resolved_by String: By whom.
-- column in_release String: In which release.
-- column last_seen DateTime64(3, 'UTC'): Newest event.
-- column last_release String: Its release.
-- column events UInt64: Events ever.
-- cost: The triage log and the keys that it names. 40 ms.
-- bound: 1000 rows.
SELECT st.issue AS issue, g.l.1 AS title, st.status_at AS resolved_at, st.status_by AS resolved_by, st.in_release AS in_release,
    toDateTime64(g.last_seen_, 3, 'UTC') AS last_seen, g.l.6 AS last_release, g.n AS events
FROM (SELECT issue, fingerprint, status_at, status_by, in_release FROM issue_state WHERE project_id = {project:UInt32} AND status = 'regressed') AS st
INNER JOIN (
    SELECT <<survivor "fingerprint">> AS survivor, argMaxMerge(last) AS l, max(last_seen) AS last_seen_, sum(events) AS n
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT fingerprint FROM issue_actions WHERE project_id = {project:UInt32})
    GROUP BY survivor) AS g ON g.survivor = st.fingerprint
ORDER BY last_seen DESC, issue
LIMIT least({limit:UInt32}, 1000)
