-- name: issue_detail
-- purpose: Everything about one issue: what, since when, how often, whom it hits, its state.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- column issue String: 16 hex digits; of one that was merged away, the issue that it went into.
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
-- cost: One key of issue_rollup; of the triage log where somebody acted on the issue, of issue_release where it is resolved in a release. Most of the CPU time is planning.
-- bound: One row.
-- step members: members Array(UInt64), acted Array(UInt8)
SELECT fingerprint, fingerprint IN (SELECT fingerprint FROM issue_actions WHERE project_id = {project:UInt32}) FROM <<members>>
-- step acts: act_kind Array(String), act_at Array(Int64), act_by Array(String), act_resolution Array(String), act_release Array(String), act_events Array(UInt64), act_users Array(UInt64), act_id Array(UUID), act_person Array(String), act_priority Array(String), act_owner Array(String), releases Array(UInt8)
<<- if .Some "acted">>
SELECT multiIf(dictGetOrDefault(concat(currentDatabase(), '.issue_of'), 'survivor', ({project:UInt32}, fingerprint), fingerprint) = fingerprint, kind, kind IN ('at_once', 'in_release'), 'resolved', kind = 'ignored', 'kept', kind) AS kind_,
    toUnixTimestamp64Milli(s.2), s.9, s.3, s.8, s.5, s.6, s.7, who, prio, owned, kind_ = 'in_release'
FROM (
    <<acts (print "fingerprint = " issue) (print kind " AS kind") "toString(argMaxIf(priority, (at, action_id), action = 'priority')) AS prio" "argMaxIf(owner, (at, action_id), action = 'owner') AS owned">>)
<<- end>>
-- step reopened: reopened Array(UInt64)
<<- if .Some "releases">>
<<reopened (reopenersOf issue "{act_id:Array(UUID)}") "fingerprint IN {members:Array(UInt64)}">>
<<- end>>
-- step result: rows
SELECT <<hex "g.survivor">> AS issue, g.l.1 AS title, g.l.2 AS culprit, g.l.3 AS type, toString(g.level_) AS level, g.l.4 AS platform, g.l.5 AS service,
    multiIf((arrayElement({act_kind:Array(String)}, 1) AS kind_) = '', if(g.first_seen_ > now64(3) - INTERVAL 7 DAY, 'new', 'ongoing'),
        kind_ = 'at_once', if(toUnixTimestamp64Milli(g.last_seen_) > arrayElement({act_at:Array(Int64)}, 1), 'regressed', 'resolved'),
        kind_ = 'in_release', if(empty({reopened:Array(UInt64)}), 'resolved', 'regressed'),
        kind_ = 'ignored' AND (arrayElement({act_events:Array(UInt64)}, 1) BETWEEN 1 AND g.events_ OR arrayElement({act_users:Array(UInt64)}, 1) BETWEEN 1 AND g.users_), 'ongoing', kind_ = 'kept', 'ignored', kind_) AS status,
    fromUnixTimestamp64Milli(arrayElement({act_at:Array(Int64)}, 1), 'UTC') AS status_at, arrayElement({act_by:Array(String)}, 1) AS status_by,
    arrayElement({act_resolution:Array(String)}, 1) AS resolution, arrayElement({act_release:Array(String)}, 1) AS in_release,
    arrayElement({act_person:Array(String)}, 1) AS assignee, arrayElement({act_priority:Array(String)}, 1) AS priority, arrayElement({act_owner:Array(String)}, 1) AS owner,
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
