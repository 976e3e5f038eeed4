-- name: marks
-- purpose: What a chart of errors is annotated with: releases, issues first seen, regressions, triage actions.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param kind String = releases of releases,first_seen,regressions,actions: What to mark.
-- param issue String: 16 hex digits; empty for all; of one that was merged away, the issue that it went into.
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
-- step regressed: of Array(UInt32), issues Array(UInt64), since Array(DateTime64(3)), people Array(String), resolutions Array(String), fixes Array(String)
<<- if .Is "kind" "regressions">>
SELECT project_id, fingerprint, status_at, status_by, CAST(resolution, 'String'), in_release
FROM issue_state
WHERE <<.Projects>> AND status = 'regressed' AND status_at <= {to:DateTime64(3, 'UTC')}
ORDER BY status_at DESC
LIMIT 10000
<<- end>>
-- step result: rows
SELECT *
FROM (
    <<- if .Is "kind" "releases">>
    SELECT toDateTime64(min(r.first_seen), 3, 'UTC') AS time, concat('Release ', release) AS title, concat('First seen: ', release, if(env = '', '', concat(' in ', env)), '.') AS text,
        'release' AS tags, project_id, '' AS issue
    FROM (SELECT project_id, release, CAST(environment, 'String') AS env, first_seen FROM release_rollup
        WHERE <<.Projects>> AND <<.AnyOf "environment">>) AS r
    GROUP BY project_id, release, env
    <<- else if .Is "kind" "first_seen">>
    SELECT toDateTime64(g.born, 3, 'UTC') AS time, concat('New: ', g.l.1) AS title, concat(g.l.1, if(g.l.2 = '', '', concat(', ', g.l.2)), '.') AS text, 'new issue' AS tags, g.project_id AS project_id, <<hex "g.survivor">> AS issue
    FROM (
        SELECT project_id, <<survivor "fingerprint">> AS survivor, min(first_seen) AS born, argMaxMerge(last) AS l
        FROM issue_rollup WHERE <<.Projects>>
        GROUP BY project_id, survivor) AS g
    <<- else if .Is "kind" "regressions">>
    SELECT toDateTime64(s.seen, 3, 'UTC') AS time, concat('Regressed: ', t.name) AS title, concat(t.name, ' came back after it had been resolved by ', s.status_by, '.') AS text, 'regression' AS tags, s.project_id AS project_id, <<hex "s.fingerprint">> AS issue
    FROM (
        SELECT st.project_id AS project_id, st.fingerprint AS fingerprint, any(st.status_by) AS status_by, min(e.ts) AS seen
        FROM (
            SELECT arrayJoin(arrayEnumerate({issues:Array(UInt64)})) AS i, arrayElement({of:Array(UInt32)}, i) AS project_id, arrayElement({issues:Array(UInt64)}, i) AS fingerprint,
                arrayElement({since:Array(DateTime64(3, 'UTC'))}, i) AS status_at, arrayElement({people:Array(String)}, i) AS status_by,
                arrayElement({resolutions:Array(String)}, i) AS resolution, arrayElement({fixes:Array(String)}, i) AS in_release) AS st
        INNER JOIN (
            SELECT project_id, <<survivor "fingerprint">> AS survivor, CAST(release, 'String') AS release, ts FROM events
            WHERE <<.Projects>> AND toDate(ts) >= toDate(arrayMin({since:Array(DateTime64(3, 'UTC'))})) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
                AND fingerprint IN (SELECT arrayJoin({issues:Array(UInt64)}) UNION ALL SELECT fingerprint FROM issue_of WHERE has({issues:Array(UInt64)}, survivor))) AS e
            ON e.project_id = st.project_id AND e.survivor = st.fingerprint
        LEFT JOIN (
            SELECT project_id, fingerprint, argMaxIf((in_package, in_version), (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS named
            FROM issue_actions
            WHERE <<.Projects>> AND action_id NOT IN (SELECT target_action FROM issue_actions WHERE action = 'undo')
            GROUP BY project_id, fingerprint) AS a ON a.project_id = st.project_id AND a.fingerprint = st.fingerprint
        LEFT JOIN (
            SELECT project_id, release, min(first_seen) AS born, any(package) AS package, any(version) AS version
            FROM release_rollup WHERE <<.Projects>>
            GROUP BY project_id, release) AS b ON b.project_id = e.project_id AND b.release = e.release
        LEFT JOIN (
            SELECT project_id, release, min(first_seen) AS born
            FROM release_rollup WHERE <<.Projects>>
            GROUP BY project_id, release) AS fixed ON fixed.project_id = st.project_id AND fixed.release = st.in_release
        -- As issue_state has it: an event in a release that the resolution covers brings nothing back.
        WHERE e.ts > st.status_at AND multiIf(st.resolution NOT IN ('in_release', 'in_next_release'), 1,
            b.version.1 = 1 AND a.named.2.1 = 1 AND b.package = a.named.1,
                if(st.resolution = 'in_release', b.version >= a.named.2, b.version > a.named.2),
            if(st.resolution = 'in_release', e.release = st.in_release OR fixed.born > <<zero>> AND b.born >= fixed.born,
                e.release != st.in_release AND b.born > fixed.born))
        GROUP BY project_id, fingerprint) AS s
    LEFT JOIN (
        SELECT project_id, fingerprint, argMaxMerge(last).1 AS name FROM issue_rollup WHERE <<.Projects>>
        GROUP BY project_id, fingerprint) AS t ON t.project_id = s.project_id AND t.fingerprint = s.fingerprint
    <<- else>>
    SELECT h.at AS time, concat(h.actor, ': ', h.action, if(h.detail = '', '', concat(' ', h.detail))) AS title, if(h.comment = '', concat('Issue ', h.issue, '.'), h.comment) AS text, concat('triage,', h.action) AS tags, project_id,
        <<hex (survivor "reinterpretAsUInt64(reverse(unhex(h.issue)))")>> AS issue
    FROM issue_history AS h
    WHERE <<.Projects>> AND h.undone = 0
    <<- end>>)
WHERE time >= {from:DateTime64(3, 'UTC')} AND time <= {to:DateTime64(3, 'UTC')} 
    <<- if .Given "issue">>
    AND (issue = {issue:String} OR (project_id, issue) IN (SELECT project_id, <<hex "survivor">> FROM issue_of WHERE fingerprint = <<named>>))
    <<- end>>
ORDER BY time DESC, title
LIMIT least({limit:UInt32}, 1000)
