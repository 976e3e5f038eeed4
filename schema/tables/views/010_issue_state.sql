-- State of every issue that somebody acted on. Regression is computed, never
-- stored: an event after the resolution, in a release that it does not cover.
-- Releases of one package compare as semantic versions, others by when they
-- were first seen; an event of an older release, or a late old event, reopens
-- nothing. Each fingerprint that was merged has an action of its own, so the
-- log names every key that is needed.
{{define "keys" -}}
{{if .}}project_id = {project:UInt32} AND fingerprint IN {issues:Array(UInt64)}
{{- else}}(project_id, fingerprint) IN (SELECT project_id, fingerprint FROM {{name "issue_actions"}}){{end}}
{{- end}}
{{define "state" -}}
SELECT acted.project_id AS project_id, acted.fingerprint AS fingerprint,
    lower(leftPad(hex(acted.fingerprint), 16, '0')) AS issue,
    multiIf(
        s.action = '', '',
        s.action = 'resolve' AND s.resolution IN ('in_release', 'in_next_release'),
            if(arrayExists(r -> r.seen > s.at AND if(r.version.1 = 1 AND s.in_version.1 = 1 AND r.package = s.in_package,
                    if(s.resolution = 'in_release', r.version >= s.in_version, r.version > s.in_version),
                    if(s.resolution = 'in_release', r.release = s.in_release OR fixed.born > toDateTime64(0, 3, 'UTC') AND r.born >= fixed.born,
                        r.release != s.in_release AND r.born > fixed.born)), seen.releases),
                'regressed', 'resolved'),
        s.action = 'resolve', if(totals.last > s.at, 'regressed', 'resolved'),
        s.action = 'ignore' AND s.until > toDateTime64(0, 3, 'UTC') AND s.until <= now64(3), 'ongoing',
        s.action = 'ignore' AND s.until_events > 0 AND totals.n >= s.base_events + s.until_events, 'ongoing',
        s.action = 'ignore' AND s.until_users > 0 AND totals.u >= s.base_users + s.until_users, 'ongoing',
        s.action = 'ignore', 'ignored',
        'ongoing') AS status,
    s.at AS status_at, s.actor AS status_by, s.resolution AS resolution, s.in_release AS in_release,
    s.until AS until, s.until_events AS until_events, s.until_users AS until_users,
    acted.assigned AS assignee, acted.prio AS priority, acted.owned AS owner, acted.comment_count AS comments
FROM (
    SELECT project_id, fingerprint,
        argMaxIf(CAST((action, at, actor, resolution, in_release, in_package, in_version, until, until_events, until_users, base_events, base_users),
            'Tuple(action String, at DateTime64(3, \'UTC\'), actor String, resolution String, in_release String, in_package String, in_version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))), until DateTime64(3, \'UTC\'), until_events UInt64, until_users UInt64, base_events UInt64, base_users UInt64)'),
            (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS s,
        argMaxIf(assignee, (at, action_id), action = 'assign') AS assigned,
        CAST(argMaxIf(priority, (at, action_id), action = 'priority'), 'String') AS prio,
        argMaxIf(owner, (at, action_id), action = 'owner') AS owned,
        countIf(comment != '') AS comment_count
    FROM {{name "issue_actions"}}
    WHERE {{if .}}project_id = {project:UInt32} AND fingerprint IN {issues:Array(UInt64)} AND {{end}}action NOT IN ('undo', 'merge', 'split')
        AND action_id NOT IN (SELECT target_action FROM {{name "issue_actions"}} WHERE {{if .}}project_id = {project:UInt32} AND {{end}}action = 'undo')
    GROUP BY project_id, fingerprint) AS acted
LEFT JOIN (
    SELECT project_id, {{issueOf "project_id" "fingerprint"}} AS survivor,
        max(last_seen) AS last, sum(events) AS n, uniqCombinedArrayMerge(12)(users) AS u
    FROM {{name "issue_rollup"}}
    WHERE {{template "keys" .}}
    GROUP BY project_id, survivor) AS totals ON totals.project_id = acted.project_id AND totals.survivor = acted.fingerprint
LEFT JOIN (
    SELECT i.project_id AS project_id, i.survivor AS survivor,
        groupArray(CAST((i.release, i.last, b.born, b.package, b.version), 'Tuple(release String, seen DateTime64(3, \'UTC\'), born DateTime64(3, \'UTC\'), package String, version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))))')) AS releases
    FROM (
        SELECT project_id, {{issueOf "project_id" "fingerprint"}} AS survivor, CAST(release, 'String') AS release, max(last_seen) AS last
        FROM {{name "issue_release"}}
        WHERE {{template "keys" .}}
        GROUP BY project_id, survivor, release) AS i
    LEFT JOIN (
        SELECT project_id, release, min(first_seen) AS born, any(package) AS package, any(version) AS version
        FROM {{name "release_rollup"}}{{if .}} WHERE project_id = {project:UInt32}{{end}}
        GROUP BY project_id, release) AS b ON b.project_id = i.project_id AND b.release = i.release
    GROUP BY project_id, survivor) AS seen ON seen.project_id = acted.project_id AND seen.survivor = acted.fingerprint
LEFT JOIN (
    SELECT project_id, release, min(first_seen) AS born
    FROM {{name "release_rollup"}}{{if .}} WHERE project_id = {project:UInt32}{{end}}
    GROUP BY project_id, release) AS fixed ON fixed.project_id = acted.project_id AND fixed.release = acted.s.in_release
{{- end}}
{{view "issue_state"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "fingerprint" "UInt64" "Both: of the issue; a number."
    "issue" "String" "Both: 16 hex digits of the issue."
    "status" "String" "Computed: ongoing, regressed, resolved, ignored; empty where only other things were done."
    "status_at" "DateTime64(3, 'UTC')" "Of the triage log: when it was last resolved, reopened or ignored."
    "status_by" "String" "Of the triage log: by whom."
    "resolution" "String" "Of the triage log: now, in_release, in_next_release."
    "in_release" "String" "Of the triage log: in which release; of in_next_release the newest one then."
    "until" "DateTime64(3, 'UTC')" "Of the triage log: ignored until this time; zero for none."
    "until_events" "UInt64" "Of the triage log: ignored until this many more events; 0 for none."
    "until_users" "UInt64" "Of the triage log: ignored until this many more users; 0 for none."
    "assignee" "String" "Of the triage log: to whom; empty for nobody."
    "priority" "String" "Of the triage log: low, medium, high."
    "owner" "String" "Of the triage log: team or person."
    "comments" "UInt64" "Of the triage log: how many actions have one."}} AS
{{template "state" false}};

-- The same of some issues of one project, with parameters project and issues
-- (their fingerprints and all that were merged into them): no filter on
-- issue_state reaches the tables under its joins, and a set that is a value
-- need not be asked for while the question is planned.
{{view "issue_state_of"}} AS
{{template "state" true}};
