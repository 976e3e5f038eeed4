-- name: marks
-- purpose: What a chart of errors is annotated with: releases, issues first seen, regressions, triage actions.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param kind String = releases of releases,first_seen,regressions,actions: What to mark.
-- param issue String: 16 hex digits; empty for all.
-- param environment String: Of releases: environments, one a line; empty for all.
-- param limit UInt32 = 200: Rows, at most 1000.
-- column time DateTime64(3, 'UTC'): When.
-- column title String: In a few words.
-- column text String: In a sentence.
-- column tags String: With commas between.
-- column project_id UInt32: Project.
-- column issue String: 16 hex digits; empty for a release.
-- cost: release_rollup, issue_rollup or the triage log of the projects. 30 ms.
-- bound: 1000 rows.
SELECT *
FROM (
    SELECT toDateTime64(min(r.first_seen), 3, 'UTC') AS time, concat('Release ', release) AS title, concat('First event of ', release, if(env = '', '', concat(' in ', env)), '.') AS text,
        'release' AS tags, project_id, '' AS issue
    FROM (SELECT project_id, release, CAST(environment, 'String') AS env, first_seen FROM release_rollup
        WHERE {kind:String} = 'releases' AND <<.Projects>> AND <<.AnyOf "environment">>) AS r
    GROUP BY project_id, release, env
    UNION ALL
    SELECT toDateTime64(g.born, 3, 'UTC'), concat('New: ', g.l.1), concat(g.l.1, if(g.l.2 = '', '', concat(', ', g.l.2)), '.'), 'new issue', g.project_id, <<hex "g.survivor">>
    FROM (
        SELECT project_id, <<survivor "fingerprint">> AS survivor, min(first_seen) AS born, argMaxMerge(last) AS l
        FROM issue_rollup WHERE {kind:String} = 'first_seen' AND <<.Projects>>
        GROUP BY project_id, survivor) AS g
    UNION ALL
    SELECT toDateTime64(s.seen, 3, 'UTC'), concat('Regressed: ', t.name), concat(t.name, ' came back after it had been resolved by ', s.status_by, '.'), 'regression', s.project_id, <<hex "s.fingerprint">>
    FROM (
        SELECT st.project_id AS project_id, st.fingerprint AS fingerprint, any(st.status_by) AS status_by, min(e.ts) AS seen
        FROM (SELECT project_id, fingerprint, status_at, status_by FROM issue_state WHERE {kind:String} = 'regressions' AND <<.Projects>> AND status = 'regressed') AS st
        INNER JOIN (
            SELECT project_id, <<survivor "fingerprint">> AS survivor, ts FROM events
            WHERE {kind:String} = 'regressions' AND <<.Projects>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})) AS e
            ON e.project_id = st.project_id AND e.survivor = st.fingerprint
        WHERE e.ts > st.status_at
        GROUP BY project_id, fingerprint) AS s
    LEFT JOIN (
        SELECT project_id, fingerprint, argMaxMerge(last).1 AS name FROM issue_rollup WHERE {kind:String} = 'regressions' AND <<.Projects>>
        GROUP BY project_id, fingerprint) AS t ON t.project_id = s.project_id AND t.fingerprint = s.fingerprint
    UNION ALL
    SELECT at, concat(actor, ': ', action, if(detail = '', '', concat(' ', detail))), if(comment = '', concat('Issue ', issue, '.'), comment), concat('triage,', action), project_id,
        <<hex (survivor "reinterpretAsUInt64(reverse(unhex(issue)))")>>
    FROM issue_history
    WHERE {kind:String} = 'actions' AND <<.Projects>> AND undone = 0)
WHERE time >= {from:DateTime64(3, 'UTC')} AND time <= {to:DateTime64(3, 'UTC')} AND <<.Same "issue" "issue">>
ORDER BY time DESC, title
LIMIT least({limit:UInt32}, 1000)
