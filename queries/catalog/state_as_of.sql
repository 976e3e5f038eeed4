-- name: state_as_of
-- purpose: State of a project's issues at a past moment, by what had been received then: what was open, resolved, ignored or regressed. When an issue or a release began is what its events say, late ones too.
-- param project UInt32 required: Project id.
-- param at DateTime64 required: The moment.
-- param status String = any of any,unresolved,new,ongoing,regressed,resolved,ignored: State; unresolved is new, ongoing or regressed.
-- param limit UInt32 = 1000: Rows, at most 10000.
-- column issue String: 16 hex digits, merges of that moment applied.
-- column title String: Of the newest event (today).
-- column status String: State then.
-- column assignee String: To whom it was assigned then.
-- column first_seen DateTime64(3, 'UTC'): Oldest event.
-- cost: The triage log, issue_rollup of the project, the events between action and moment of the issues acted on, all events of those ignored until there are more. 50 ms; more where such an issue went on for weeks.
-- bound: 10,000 rows.
WITH
    undone AS (SELECT target_action FROM issue_actions WHERE project_id = {project:UInt32} AND action = 'undo' AND at <= {at:DateTime64(3, 'UTC')}),
    moved AS (
        SELECT fingerprint, argMax(into, (at, action_id)) AS survivor
        FROM issue_actions
        WHERE project_id = {project:UInt32} AND action IN ('merge', 'split') AND at <= {at:DateTime64(3, 'UTC')} AND action_id NOT IN (SELECT target_action FROM undone)
        GROUP BY fingerprint),
    acted AS (
        SELECT fingerprint,
            argMaxIf((CAST(action, 'String'), at, CAST(resolution, 'String'), in_release, until, until_events, until_users, base_events, base_users), (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS s,
            argMaxIf((in_package, in_version), (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS v,
            argMaxIf(assignee, (at, action_id), action = 'assign') AS who
        FROM issue_actions
        WHERE project_id = {project:UInt32} AND action NOT IN ('undo', 'merge', 'split') AND issue_actions.at <= {at:DateTime64(3, 'UTC')} AND action_id NOT IN (SELECT target_action FROM undone)
        GROUP BY fingerprint),
    -- Ignored until there are more: what came later is taken off what is there
    -- today, so that rows which expired since still count.
    counted AS (SELECT fingerprint FROM acted WHERE s.1 = 'ignore' AND (s.6 > 0 OR s.7 > 0))
SELECT <<hex "g.survivor">> AS issue, g.title AS title,
    multiIf(
        a.s.1 = 'resolve' AND a.s.3 IN ('in_release', 'in_next_release'),
            if(arrayExists(r -> r.2 > a.s.2 AND if(r.5.1 = 1 AND a.v.2.1 = 1 AND r.4 = a.v.1,
                    if(a.s.3 = 'in_release', r.5 >= a.v.2, r.5 > a.v.2),
                    if(a.s.3 = 'in_release', r.1 = a.s.4 OR fixed.born > <<zero>> AND r.3 >= fixed.born, r.1 != a.s.4 AND r.3 > fixed.born)), seen.releases), 'regressed', 'resolved'),
        a.s.1 = 'resolve', if(seen.last > a.s.2, 'regressed', 'resolved'),
        a.s.1 = 'ignore' AND a.s.5 > <<zero>> AND a.s.5 <= {at:DateTime64(3, 'UTC')}, 'ongoing',
        a.s.1 = 'ignore' AND a.s.6 > 0 AND toInt64(g.n) - toInt64(grown.later) >= a.s.8 + a.s.6, 'ongoing',
        a.s.1 = 'ignore' AND a.s.7 > 0 AND if(grown.rows_later = 0, g.u, grown.u) >= a.s.9 + a.s.7, 'ongoing',
        a.s.1 = 'ignore', 'ignored',
        a.s.1 = 'unresolve', 'ongoing',
        g.born > {at:DateTime64(3, 'UTC')} - INTERVAL 7 DAY, 'new', 'ongoing') AS status,
    a.who AS assignee, toDateTime64(g.born, 3, 'UTC') AS first_seen
FROM (
    SELECT if(m.survivor = 0, i.fingerprint, m.survivor) AS survivor, min(i.first_seen) AS born, argMaxMerge(i.last).1 AS title,
        sum(i.events) AS n, uniqCombinedArrayMerge(12)(i.users) AS u
    FROM (SELECT fingerprint, first_seen, last, events, users FROM issue_rollup WHERE project_id = {project:UInt32}) AS i
    LEFT JOIN moved AS m ON m.fingerprint = i.fingerprint
    GROUP BY survivor
    HAVING born <= {at:DateTime64(3, 'UTC')}) AS g
LEFT JOIN acted AS a ON a.fingerprint = g.survivor
LEFT JOIN (
    SELECT w.survivor AS survivor, max(w.last) AS last,
        groupArray((w.release, w.last, b.born, b.package, b.version)) AS releases
    FROM (
        SELECT if(m.survivor = 0, e.fingerprint, m.survivor) AS survivor, CAST(e.release, 'String') AS release, max(e.ts) AS last
        FROM (
            SELECT fingerprint, release, ts FROM events
            WHERE project_id = {project:UInt32} AND received_at <= {at:DateTime64(3, 'UTC')} AND toDate(ts) <= toDate({at:DateTime64(3, 'UTC')}) + 1
                AND toDate(ts) >= (SELECT toDate(min(at)) FROM issue_actions WHERE project_id = {project:UInt32})
                AND fingerprint IN (SELECT fingerprint FROM issue_actions WHERE project_id = {project:UInt32})) AS e
        LEFT JOIN moved AS m ON m.fingerprint = e.fingerprint
        INNER JOIN (SELECT fingerprint, s.2 AS since FROM acted) AS c ON c.fingerprint = if(m.survivor = 0, e.fingerprint, m.survivor)
        WHERE e.ts > c.since
        GROUP BY survivor, release) AS w
    LEFT JOIN (
        SELECT release, min(first_seen) AS born, any(package) AS package, any(version) AS version
        FROM release_rollup WHERE project_id = {project:UInt32} GROUP BY release) AS b ON b.release = w.release
    GROUP BY survivor) AS seen ON seen.survivor = g.survivor
LEFT JOIN (
    SELECT if(m.survivor = 0, e.fingerprint, m.survivor) AS survivor, sumIf(toUInt64(e.weight), e.received_at > {at:DateTime64(3, 'UTC')}) AS later, countIf(e.received_at > {at:DateTime64(3, 'UTC')}) AS rows_later,
        uniqExactArrayIf(arrayFilter(h -> h != 0, arrayPushBack(e.user_hashes, e.user_hash)), e.received_at <= {at:DateTime64(3, 'UTC')}) AS u
    FROM (
        SELECT fingerprint, received_at, weight, user_hashes, user_hash FROM events
        WHERE project_id = {project:UInt32}
            AND fingerprint IN (SELECT fingerprint FROM counted UNION ALL SELECT fingerprint FROM moved WHERE survivor IN (SELECT fingerprint FROM counted))) AS e
    LEFT JOIN moved AS m ON m.fingerprint = e.fingerprint
    GROUP BY survivor) AS grown ON grown.survivor = g.survivor
LEFT JOIN (
    SELECT release, min(first_seen) AS born FROM release_rollup WHERE project_id = {project:UInt32} GROUP BY release) AS fixed ON fixed.release = a.s.4
WHERE {status:String} = 'any' OR status = {status:String} OR {status:String} = 'unresolved' AND status IN ('new', 'ongoing', 'regressed')
ORDER BY first_seen DESC, issue
LIMIT least({limit:UInt32}, 10000)
