-- name: issue_detail
-- purpose: Everything about one issue: what, since when, how often, whom it hits, its state.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits.
-- column issue String: 16 hex digits.
-- column title String: Of the newest event.
-- column culprit String: Where it happened.
-- column type String: Type of the exception.
-- column level String: Highest level.
-- column platform String: Of the newest event.
-- column service String: Of the newest event.
-- column status String: State.
-- column status_at DateTime64(3, 'UTC'): When somebody last changed it.
-- column status_by String: Who changed it.
-- column resolution String: How it was resolved.
-- column in_release String: In which release.
-- column assignee String: To whom it is assigned.
-- column priority String: Priority.
-- column owner String: Owner.
-- column first_seen DateTime64(3, 'UTC'): Oldest event.
-- column last_seen DateTime64(3, 'UTC'): Newest event.
-- column events UInt64: Events ever.
-- column users UInt64: Users ever (sketch).
-- column unhandled Bool: Whether any was not handled.
-- column protocols Array(String): sentry, otlp.
-- column environments Array(String): All environments.
-- column first_release String: Release of the oldest event.
-- column last_release String: Release of the newest event.
-- column fingerprints Array(String): What was merged into it, itself first.
-- column sample_event_id UUID: An event with a payload.
-- column sample_trace_id String: Its trace.
-- cost: One key of issue_rollup, and issue_state_of where somebody acted on the issue. Most of the CPU time is planning.
-- bound: One row.
-- step members: members Array(UInt64), acted Array(UInt8)
SELECT fingerprint, fingerprint IN (SELECT fingerprint FROM issue_actions WHERE project_id = {project:UInt32}) FROM <<members>>
-- step result: rows
SELECT <<hex "g.survivor">> AS issue, g.l.1 AS title, g.l.2 AS culprit, g.l.3 AS type, toString(g.level_) AS level, g.l.4 AS platform, g.l.5 AS service,
    multiIf(st.status != '', st.status, g.first_seen_ > now64(3) - INTERVAL 7 DAY, 'new', 'ongoing') AS status,
    st.status_at AS status_at, st.status_by AS status_by, st.resolution AS resolution, st.in_release AS in_release,
    st.assignee AS assignee, st.priority AS priority, st.owner AS owner,
    toDateTime64(g.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(g.last_seen_, 3, 'UTC') AS last_seen, g.events_ AS events, g.users_ AS users, CAST(g.handled_ = 2, 'Bool') AS unhandled,
    arrayFilter((p, bit) -> bitAnd(g.protocols_, bit) != 0, ['sentry', 'otlp'], [1, 2]) AS protocols,
    arraySort(arrayFilter(e -> e != '', g.environments_)) AS environments,
    g.f.1 AS first_release, g.l.6 AS last_release,
    arrayMap(f -> <<hex "f">>, arraySort(f -> (f != g.survivor, f), g.all_)) AS fingerprints,
    g.l.7 AS sample_event_id, g.l.8 AS sample_trace_id
FROM (
    SELECT project_id, <<issue>> AS survivor, min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_, max(level_max) AS level_, max(handled_max) AS handled_,
        groupBitOr(protocols) AS protocols_, groupUniqArrayArray(environments) AS environments_, uniqCombinedArrayMerge(12)(users) AS users_,
        argMaxMerge(last) AS l, argMinMerge(first) AS f, groupUniqArray(fingerprint) AS all_
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)}
    GROUP BY project_id) AS g
LEFT JOIN (
    <<- if .Some "acted">>
    SELECT * FROM issue_state_of(project = {project:UInt32}, issues = {members:Array(UInt64)})
    <<- else>>
    SELECT toUInt64(0) AS fingerprint, '' AS status, <<zero>> AS status_at, '' AS status_by, '' AS resolution, '' AS in_release, '' AS assignee, '' AS priority, '' AS owner
    <<- end>>) AS st ON st.fingerprint = g.survivor
