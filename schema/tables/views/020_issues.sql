-- What people and Grafana read. Names and columns here are stable: a change is
-- a migration with an alias and a line in the change log.
{{view "issues"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "issue" "String" "Both: 16 hex digits of the issue, merges applied."
    "title" "String" "Of the newest event. Sentry: type and value of the main exception, or message. OTLP: exception.type and exception.message."
    "culprit" "String" "Of the newest event. Both: where it happened, the in-app frame nearest to the crash; Sentry also: transaction."
    "type" "String" "Of the newest event. Sentry: type of the main exception. OTLP: exception.type."
    "level" "String" "Highest. Sentry: level. OTLP: error of a span, else the severity of the log record."
    "status" "String" "Computed: new, ongoing, regressed, resolved, ignored."
    "assignee" "String" "Of the triage log: to whom; empty for nobody."
    "first_seen" "DateTime64(3, 'UTC')" "Oldest event. Sentry: timestamp. OTLP: time of the span event or log record."
    "last_seen" "DateTime64(3, 'UTC')" "Newest event. Sentry: timestamp. OTLP: time of the span event or log record."
    "events" "UInt64" "Both: occurrences, sum(weight); twins count 0."
    "users" "UInt64" "Sketch. Sentry: user. OTLP: user.id, enduser.id and their like."
    "protocols" "Array(String)" "Both: which reported it, sentry, otlp."
    "environments" "Array(String)" "Sentry: environment. OTLP: deployment.environment.name."
    "first_release" "String" "Of the oldest event. Sentry: release. OTLP: service.version."
    "last_release" "String" "Of the newest event. Sentry: release. OTLP: service.version."
    "sample_event_id" "UUID" "Of the newest event. Sentry: event_id. OTLP: derived from its content."
    "sample_trace_id" "String" "Of the newest event. Sentry: contexts.trace.trace_id. OTLP: trace_id."}} AS
SELECT g.project_id AS project_id,
    lower(leftPad(hex(g.survivor), 16, '0')) AS issue,
    g.l.1 AS title, g.l.2 AS culprit, g.l.3 AS type, toString(g.level_max_) AS level,
    multiIf(st.status != '', st.status, g.first_seen_ > now64(3) - INTERVAL 7 DAY, 'new', 'ongoing') AS status,
    st.assignee AS assignee,
    toDateTime64(g.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(g.last_seen_, 3, 'UTC') AS last_seen, g.events_ AS events, g.users_ AS users,
    arrayFilter((p, bit) -> bitAnd(g.protocols_, bit) != 0, ['sentry', 'otlp'], [1, 2]) AS protocols,
    arraySort(arrayFilter(e -> e != '', g.environments_)) AS environments,
    g.f.1 AS first_release, g.l.6 AS last_release, g.l.7 AS sample_event_id, g.l.8 AS sample_trace_id
FROM (
    SELECT project_id, {{issueOf "project_id" "fingerprint"}} AS survivor,
        min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_, max(level_max) AS level_max_,
        groupBitOr(protocols) AS protocols_, groupUniqArrayArray(environments) AS environments_,
        uniqCombinedArrayMerge(12)(users) AS users_, argMaxMerge(last) AS l, argMinMerge(first) AS f
    FROM {{name "issue_rollup"}}
    GROUP BY project_id, survivor) AS g
LEFT JOIN {{name "issue_state"}} AS st ON st.project_id = g.project_id AND st.fingerprint = g.survivor;

-- Rows of fingerprints that no merge names are taken as they are stored: FINAL
-- puts pieces together along the key, which costs next to nothing where parts
-- are merged; only issues of several fingerprints need a group. A person's
-- question groups once, not twice. Where nothing was merged, which is known before
-- a row is read, no fingerprint is looked up: a third of the cost.
{{define "members"}}SELECT project_id, arrayJoin([fingerprint, survivor]) AS member FROM {{name "issue_of"}} WHERE survivor != fingerprint{{end}}
{{view "issue_trend"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "issue" "String" "Both: 16 hex digits of the issue, merges applied."
    "hour" "DateTime('UTC')" "Hour of ts. Sentry: timestamp. OTLP: time of the span event or log record."
    "environment" "LowCardinality(String)" "Sentry: environment. OTLP: deployment.environment.name."
    "release" "LowCardinality(String)" "Sentry: release. OTLP: service.version."
    "level" "String" "Highest. Sentry: level. OTLP: error of a span, else the severity of the log record."
    "events" "UInt64" "Both: occurrences, sum(weight)."
    "users" "UInt64" "Sketch. Sentry: user. OTLP: user.id, enduser.id and their like."}} AS
SELECT project_id, lower(leftPad(hex(fingerprint), 16, '0')) AS issue, hour, environment, release,
    toString(h.level) AS level, toUInt64(h.events) AS events, finalizeAggregation(h.users) AS users
FROM {{name "issue_hour"}} AS h FINAL
WHERE (SELECT count() FROM {{name "issue_of"}} WHERE survivor != fingerprint) = 0 OR (project_id, fingerprint) NOT IN ({{template "members"}})
UNION ALL
SELECT project_id, lower(leftPad(hex(survivor), 16, '0')) AS issue, hour, environment, release,
    toString(level_) AS level, events_ AS events, users_ AS users
FROM (
    SELECT project_id, {{issueOf "project_id" "fingerprint"}} AS survivor, hour, environment, release,
        max(level) AS level_, sum(events) AS events_, uniqCombinedArrayMerge(12)(users) AS users_
    FROM {{name "issue_hour"}}
    WHERE (project_id, fingerprint) IN ({{template "members"}})
    GROUP BY project_id, survivor, hour, environment, release);

-- Sessions of before migration 123 are known by their hours only: what that
-- leaves open is decided for the end of the hour, so that a release of sessions
-- is never older than one of errors that it came after.
{{view "releases"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "release" "String" "Sentry: release. OTLP: service.version."
    "first_seen" "DateTime64(3, 'UTC')" "First error of both protocols; Sentry also: session or transaction."
    "last_seen" "DateTime64(3, 'UTC')" "Last error of both protocols; Sentry also: session or transaction."
    "events" "UInt64" "Both: errors, sum(weight)."
    "issues" "UInt64" "Both: issues seen in it."
    "new_issues" "UInt64" "Both: issues seen first in it."
    "sessions" "UInt64" "Sentry: sessions that began. OTLP: none."
    "crashed_sessions" "UInt64" "Sentry: status crashed. OTLP: none."
    "crash_free_sessions" "Nullable(Float64)" "Sentry: share from 0 to 1; NULL without sessions. OTLP: none."
    "users" "UInt64" "Sketch. Sentry: did of sessions. OTLP: none."
    "crash_free_users" "Nullable(Float64)" "Sentry: share from 0 to 1; NULL without users. OTLP: none."}} AS
SELECT r.project_id AS project_id, r.release AS release,
    toDateTime64(r.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(r.last_seen_, 3, 'UTC') AS last_seen, r.events_ AS events,
    i.issues_ AS issues, i.new_issues_ AS new_issues,
    s.started_ AS sessions, s.crashed_ AS crashed_sessions,
    if(s.started_ > 0, greatest(0, 1 - s.crashed_ / s.started_), NULL) AS crash_free_sessions,
    s.users_ AS users, if(s.users_ > 0, greatest(0, 1 - s.users_crashed_ / s.users_), NULL) AS crash_free_users
FROM (
    SELECT project_id, release, min(first_seen_) AS first_seen_, greatest(max(last_seen_), first_seen_) AS last_seen_, sum(events_) AS events_
    FROM (
        SELECT project_id, release, min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_
        FROM {{name "release_rollup"}} GROUP BY project_id, release
        UNION ALL
        SELECT project_id, CAST(release, 'String') AS release, toDateTime64(min(hour) + 3599, 3, 'UTC') AS first_seen_, toDateTime64(max(hour), 3, 'UTC') AS last_seen_, toUInt64(0) AS events_
        FROM {{name "session_hour"}} WHERE release != '' GROUP BY project_id, release)
    GROUP BY project_id, release) AS r
LEFT JOIN (
    SELECT project_id, release, count() AS issues_, countIf(born = first_in) AS new_issues_
    FROM (
        SELECT project_id, survivor, release, min(first_seen) AS first_in, min(first_in) OVER (PARTITION BY project_id, survivor) AS born
        FROM (SELECT project_id, {{issueOf "project_id" "fingerprint"}} AS survivor, CAST(release, 'String') AS release, first_seen FROM {{name "issue_release"}})
        GROUP BY project_id, survivor, release)
    GROUP BY project_id, release) AS i ON i.project_id = r.project_id AND i.release = r.release
LEFT JOIN (
    SELECT project_id, CAST(release, 'String') AS release, sum(started) AS started_, sum(crashed) AS crashed_,
        uniqCombinedMerge(14)(users) AS users_, uniqCombinedMerge(14)(users_crashed) AS users_crashed_
    FROM {{name "session_hour"}}
    WHERE release != ''
    GROUP BY project_id, release) AS s ON s.project_id = r.project_id AND s.release = r.release;

{{view "traces"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "trace_id" "String" "Sentry: trace_id of the trace context. OTLP: trace_id."
    "started" "DateTime64(3, 'UTC')" "Both: earliest error, span or log record."
    "ended" "DateTime64(3, 'UTC')" "Both: latest of them, ends of spans included."
    "duration_ms" "Int64" "Computed: from started to ended."
    "error_count" "UInt64" "Both: errors, sum(weight)."
    "span_count" "UInt64" "Both: spans."
    "log_count" "UInt64" "Both: log records."
    "service_names" "Array(String)" "Sentry: service. OTLP: service.name."
    "root" "String" "Both: name of a span without a parent."
    "issue_list" "Array(String)" "Both: 16 hex digits of each issue, merges applied."}} AS
SELECT project_id, trace_id, toDateTime64(min(min_ts), 3, 'UTC') AS started, toDateTime64(max(max_ts), 3, 'UTC') AS ended,
    dateDiff('millisecond', started, ended) AS duration_ms,
    sum(errors) AS error_count, sum(spans) AS span_count, sum(logs) AS log_count,
    arraySort(groupUniqArrayArray(services)) AS service_names,
    arrayElement(groupUniqArrayArray(roots), 1) AS root,
    arrayDistinct(arrayMap(f -> lower(leftPad(hex({{issueOf "project_id" "f"}}), 16, '0')), groupUniqArrayArray(issues))) AS issue_list
FROM {{name "trace_index"}}
GROUP BY project_id, trace_id;

{{view "issue_history"
    "project_id" "UInt32" "Sentry: project of the DSN. OTLP: project of the request."
    "issue" "String" "Of the triage log: the fingerprint acted on, 16 hex digits; of a merge or split the one that moves."
    "at" "DateTime64(3, 'UTC')" "Of the triage log: when."
    "actor" "String" "Of the triage log: who."
    "action" "LowCardinality(String)" "Of the triage log: resolve, unresolve, ignore, assign, merge, split, comment, priority, owner, undo."
    "detail" "String" "Of the triage log: in words, such as the release or the person."
    "comment" "String" "Of the triage log: in words."
    "action_id" "UUID" "Of the triage log: identity; undo names it."
    "bulk_id" "UUID" "Of the triage log: shared by the actions of one command; zero for a single one."
    "undone" "UInt8" "Of the triage log: 1 where an undo names it."}} AS
SELECT project_id, lower(leftPad(hex(fingerprint), 16, '0')) AS issue, at, actor, action,
    multiIf(
        action = 'resolve' AND resolution != 'now', concat(replaceAll(resolution, '_', ' '), ' ', in_release),
        action = 'ignore' AND until > toDateTime64(0, 3, 'UTC'), concat('until ', toString(until)),
        action = 'ignore' AND until_events > 0, concat('until ', toString(until_events), ' more events'),
        action = 'ignore' AND until_users > 0, concat('until ', toString(until_users), ' more users'),
        action = 'assign', if(assignee = '', 'to nobody', concat('to ', assignee)),
        action = 'merge', concat('into ', lower(leftPad(hex(into), 16, '0'))),
        action = 'split' AND into != fingerprint, concat('back into ', lower(leftPad(hex(into), 16, '0'))),
        action = 'priority', priority, action = 'owner', owner,
        action = 'undo', concat('of ', toString(target_action)), '') AS detail,
    comment, action_id, bulk_id,
    action_id IN (SELECT target_action FROM {{name "issue_actions"}} WHERE action = 'undo') AS undone
FROM {{name "issue_actions"}};

-- The official ClickHouse data source of Grafana finds a trace by this name.
{{view "spans_trace_id_ts"
    "TraceId" "String" "Sentry: trace_id of the trace context. OTLP: trace_id."
    "Start" "DateTime64(3, 'UTC')" "Both: earliest error, span or log record."
    "End" "DateTime64(3, 'UTC')" "Both: latest of them, ends of spans included."}} AS
SELECT trace_id AS TraceId, toDateTime64(min(min_ts), 3, 'UTC') AS Start, toDateTime64(max(max_ts), 3, 'UTC') AS End
FROM {{name "trace_index"}}
GROUP BY trace_id;
