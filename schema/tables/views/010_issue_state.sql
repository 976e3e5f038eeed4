-- State of every issue that somebody acted on. Regression is computed, never
-- stored: an event after the resolution, in a release that it does not cover.
-- Releases of one package compare as semantic versions, others by when they
-- were first seen; an event of an older release, or a late old event, reopens
-- nothing.
{{view "issue_state"}} AS
WITH
    acted AS (
        SELECT project_id, fingerprint,
            argMaxIf((action, at, actor, resolution, in_release, until, until_events, until_users, base_events, base_users), (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS s,
            argMaxIf(assignee, (at, action_id), action = 'assign') AS assigned,
            argMaxIf(priority, (at, action_id), action = 'priority') AS prio,
            argMaxIf(owner, (at, action_id), action = 'owner') AS owned,
            countIf(comment != '') AS comment_count
        FROM {{name "issue_actions"}}
        WHERE action NOT IN ('undo', 'merge', 'split')
            AND action_id NOT IN (SELECT target_action FROM {{name "issue_actions"}} WHERE action = 'undo')
        GROUP BY project_id, fingerprint),
    members AS (
        SELECT project_id, survivor AS issue_fingerprint, fingerprint FROM {{name "issue_merges"}}
        WHERE survivor != fingerprint AND (project_id, survivor) IN (SELECT project_id, fingerprint FROM acted)
        UNION ALL
        SELECT project_id, fingerprint AS issue_fingerprint, fingerprint FROM acted),
    totals AS (
        SELECT m.project_id AS project_id, m.issue_fingerprint AS issue_fingerprint,
            max(t.last_seen) AS last_seen, sum(t.events) AS events, uniqCombinedArrayMerge(12)(t.users) AS users
        FROM (SELECT project_id, fingerprint, last_seen, events, users FROM {{name "issue_rollup"}}
            WHERE (project_id, fingerprint) IN (SELECT project_id, fingerprint FROM members)) AS t
        INNER JOIN members AS m ON m.project_id = t.project_id AND m.fingerprint = t.fingerprint
        GROUP BY project_id, issue_fingerprint),
    released AS (
        SELECT project_id, release, min(first_seen) AS born FROM {{name "release_rollup"}} GROUP BY project_id, release),
    uncovered AS (
        SELECT a.project_id AS project_id, a.fingerprint AS fingerprint, max(r.seen) AS seen
        FROM acted AS a
        INNER JOIN members AS m ON m.project_id = a.project_id AND m.issue_fingerprint = a.fingerprint
        INNER JOIN (
            SELECT project_id, fingerprint, CAST(release, 'String') AS release, max(last_seen) AS seen
            FROM {{name "issue_release"}}
            WHERE (project_id, fingerprint) IN (SELECT project_id, fingerprint FROM members)
            GROUP BY project_id, fingerprint, release) AS r ON r.project_id = m.project_id AND r.fingerprint = m.fingerprint
        LEFT JOIN released AS rb ON rb.project_id = r.project_id AND rb.release = r.release
        LEFT JOIN released AS fb ON fb.project_id = a.project_id AND fb.release = a.s.5
        WHERE a.s.1 = 'resolve' AND a.s.4 IN ('in_release', 'in_next_release') AND r.seen > a.s.2
            AND if((tupleElement({{semver "r.release"}}, 1) = 1) AND (tupleElement({{semver "a.s.5"}}, 1) = 1) AND extract(r.release, '^(.*)@') = extract(a.s.5, '^(.*)@'),
                if(a.s.4 = 'in_release', {{semver "r.release"}} >= {{semver "a.s.5"}}, {{semver "r.release"}} > {{semver "a.s.5"}}),
                if(a.s.4 = 'in_release', r.release = a.s.5 OR fb.born > toDateTime64(0, 3, 'UTC') AND rb.born >= fb.born, r.release != a.s.5 AND rb.born > fb.born))
        GROUP BY project_id, fingerprint)
SELECT acted.project_id AS project_id, acted.fingerprint AS fingerprint,
    lower(leftPad(hex(acted.fingerprint), 16, '0')) AS issue,
    multiIf(
        acted.s.1 = '', '',
        acted.s.1 = 'resolve' AND acted.s.4 IN ('in_release', 'in_next_release'), if(uncovered.seen > acted.s.2, 'regressed', 'resolved'),
        acted.s.1 = 'resolve', if(totals.last_seen > acted.s.2, 'regressed', 'resolved'),
        acted.s.1 = 'ignore' AND acted.s.6 > toDateTime64(0, 3, 'UTC') AND acted.s.6 <= now64(3), 'ongoing',
        acted.s.1 = 'ignore' AND acted.s.7 > 0 AND totals.events >= acted.s.9 + acted.s.7, 'ongoing',
        acted.s.1 = 'ignore' AND acted.s.8 > 0 AND totals.users >= acted.s.10 + acted.s.8, 'ongoing',
        acted.s.1 = 'ignore', 'ignored',
        'ongoing') AS status,
    acted.s.2 AS status_at, acted.s.3 AS status_by, acted.s.4 AS resolution, acted.s.5 AS in_release,
    acted.s.6 AS until, acted.s.7 AS until_events, acted.s.8 AS until_users,
    acted.assigned AS assignee, acted.prio AS priority, acted.owned AS owner, acted.comment_count AS comments
FROM acted
LEFT JOIN totals ON totals.project_id = acted.project_id AND totals.issue_fingerprint = acted.fingerprint
LEFT JOIN uncovered ON uncovered.project_id = acted.project_id AND uncovered.fingerprint = acted.fingerprint;
