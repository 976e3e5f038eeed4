-- name: issue_list
-- purpose: One page of a project's issues in a time window, filtered and sorted.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -14d: Start of the window; whole hours up to 3 days, whole days beyond.
-- param to DateTime64 = now: End of the window.
-- param status String = any of any,unresolved,new,ongoing,regressed,resolved,ignored: State; unresolved is new, ongoing or regressed.
-- param environment String: Environments, one a line; empty for all.
-- param release String: Releases, one a line; empty for all.
-- param level String: Highest levels, one a line; empty for all.
-- param text String: Words that an event's title or message must hold.
-- param tag String: Tag as key=value.
-- param filters String: Filters that an event in the window must pass, as JSON: [{"key","operator","values"}].
-- param assignee String: To whom it is assigned.
-- param sort String = last_seen of last_seen,first_seen,events,users,trend: Descending order; trend is the rise of the window's second half over its first.
-- param limit UInt32 = 50: Rows, at most 1000.
-- param offset UInt32 = 0: Rows to skip.
-- column issue String: 16 hex digits.
-- column title String: Of the newest event.
-- column culprit String: Where it happened.
-- column type String: Type of the exception.
-- column level String: Highest level.
-- column status String: State.
-- column assignee String: To whom it is assigned.
-- column first_seen DateTime64(3, 'UTC'): Oldest event ever.
-- column last_seen DateTime64(3, 'UTC'): Newest event ever.
-- column window_events UInt64: Events in the window.
-- column events UInt64: Events ever.
-- column users UInt64: Users ever (sketch).
-- column protocols Array(String): sentry, otlp.
-- column environments Array(String): All environments.
-- column first_release String: Release of the oldest event.
-- column last_release String: Release of the newest event.
-- column sample_event_id UUID: An event with a payload.
-- column sample_trace_id String: Its trace.
-- column trend Array(UInt64): Events of the window in 24 equal parts (days where the window is over 3 days).
-- column matches UInt64: Issues that match, on all pages.
-- cost: issue_hour or issue_day of the window and the plain columns of issue_rollup for the project; the project's triage log where a state or an assignee is asked for, else that of the page's issues where somebody acted on one; issue_release and release_rollup only where one of those is resolved in a release. Most of the CPU time is planning.
-- bound: 1000 rows a page; windows over 3 days read days, not hours.
-- step touched: touched Array(UInt8), released Array(UInt8), counted Array(UInt8), crowded Array(UInt8)
<<- if or (not (.Is "status" "any" "")) (.Given "assignee") >>
SELECT toUInt8(count() > 0), toUInt8(countIf(action = 'resolve' AND resolution IN ('in_release', 'in_next_release')) > 0), toUInt8(max(until_events) > 0), toUInt8(max(until_users) > 0)
FROM issue_actions WHERE project_id = {project:UInt32}
<<- end >>
-- step page: keys Array(UInt64), counts Array(UInt64), total Array(UInt64), members Array(Array(UInt64)), acted Array(Array(UInt64)), states Array(String), people Array(String)
SELECT survivor, n, count() OVER () AS total, parts, if(acted_, parts, []) AS acted, state, who
FROM (
    SELECT w.survivor AS survivor, w.n AS n, r.first_seen_ AS first_seen_, r.last_seen_ AS last_seen_, r.parts_ AS parts,
        <<- if .Is "sort" "users">> w.u AS u,<<end>><<if .Is "sort" "trend">> w.rise AS rise,<<end>>
        <<- if .Some "touched">>
        multiIf(st.kind = '', if(r.fresh_, 'new', 'ongoing'), st.kind = 'at_once', if(r.last_seen_ > st.s.2, 'regressed', 'resolved'),
            <<- if .Some "released">> st.kind = 'in_release', if(survivor IN (
                <<reopened reopeners "1">>), 'regressed', 'resolved'),<<end>>
            <<- if .Some "counted">> st.kind = 'ignored' AND st.s.5 > 0 AND r.events_ >= st.s.5, 'ongoing',<<end>>
            <<- if .Some "crowded">> st.kind = 'ignored' AND st.s.6 > 0 AND r.users_ >= st.s.6, 'ongoing',<<end>> st.kind) AS state, st.who AS who, toUInt8(0) AS acted_
        <<- else>> if(r.fresh_, 'new', 'ongoing') AS state, '' AS who, survivor IN (SELECT fingerprint FROM issue_actions WHERE project_id = {project:UInt32}) AS acted_<<end>>
    FROM (
        SELECT <<survivor "fingerprint">> AS survivor, sum(events) AS n
            <<- if .Is "sort" "users">>, uniqCombinedArrayMerge(12)(users) AS u<<end>>
            <<- if .Is "sort" "trend">>, toInt64(sumIf(events, <<if .Within 72>>hour >= toDateTime({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}), 2)
                <<- else>>day >= toDate({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('day', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) + 1, 2)<<end>>)) AS late, 2 * late - toInt64(n) AS rise<<end>>
        <<if .Within 72>>FROM issue_hour
        WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
        <<- else>>FROM issue_day
        WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
        <<- end>>
            AND <<.AnyOf "environment">> AND <<.AnyOf "release">>
        GROUP BY survivor) AS w
    INNER JOIN (
        SELECT <<survivor "fingerprint">> AS survivor, min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, groupArray(fingerprint) AS parts_, first_seen_ > now64(3) - INTERVAL 7 DAY AS fresh_
            <<- if .Given "level">>, toString(max(level_max)) AS level_<<end>>
            <<- if .Some "counted">>, sum(events) AS events_<<end>>
            <<- if .Some "crowded">>, uniqCombinedArrayMerge(12)(users) AS users_<<end>>
        FROM issue_rollup WHERE project_id = {project:UInt32} GROUP BY survivor) AS r ON r.survivor = w.survivor
    <<if .Some "touched">>LEFT JOIN (
        <<acts "1" (print kind " AS kind")>>) AS st ON st.fingerprint = w.survivor<<end>>
    WHERE 1
        <<if .Given "level">>AND has(splitByChar('\n', {level:String}), r.level_)<<end>>
        <<if .Given "assignee">>AND who = {assignee:String}<<end>>
        <<if .Given "text">>AND w.survivor IN (
            SELECT DISTINCT <<survivor "fingerprint">> FROM events
            WHERE project_id = {project:UInt32} AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
                AND hasAllTokens(lower(concat(title, ' ', message)), lower({text:String})))<<end>>
        <<if .Given "filters">>AND w.survivor IN (
            SELECT DISTINCT <<survivor "fingerprint">> FROM events
            WHERE project_id = {project:UInt32} AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
                AND <<.EventFilters>>)<<end>>
        <<if .Given "tag">>AND w.survivor IN (
            SELECT DISTINCT <<survivor "fingerprint">> FROM issue_tag
            WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
                AND key = splitByChar('=', {tag:String}, 2)[1] AND value = splitByChar('=', {tag:String}, 2)[2])<<end>>)
<<if .Is "status" "unresolved">>WHERE state IN ('new', 'ongoing', 'regressed')<<else if not (.Is "status" "any" "")>>WHERE state = {status:String}<<end>>
ORDER BY <<if .Is "sort" "events">>n<<else if .Is "sort" "users">>u<<else if .Is "sort" "trend">>rise<<else if .Is "sort" "first_seen">>toUnixTimestamp64Milli(first_seen_)<<else>>toUnixTimestamp64Milli(last_seen_)<<end>> DESC, survivor
LIMIT least({limit:UInt32}, 1000) OFFSET {offset:UInt32}
-- step acts: acts Array(UInt64), act_kinds Array(String), act_at Array(Int64), act_events Array(UInt64), act_users Array(UInt64), act_released Array(UUID), act_people Array(String), releases Array(UInt8)
<<- if .Some "acted">>
SELECT fingerprint, <<kind>> AS kind, toUnixTimestamp64Milli(s.2), s.5, s.6, s.7, who, kind = 'in_release'
FROM (
    <<acts "fingerprint IN {keys:Array(UInt64)}">>)
<<- end>>
-- step trend: trend_of Array(UInt64), trends Array(Array(UInt64))
SELECT <<survivor "fingerprint">> AS survivor,
<<- if .Within 72>> sumForEach(arrayMap(i -> if(i = least(intDiv(dateDiff('second', toStartOfHour({from:DateTime64(3, 'UTC')}), hour) * 24, greatest(dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}), 1)), 23), events, 0), range(24))) AS trend
FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>> sumForEach(arrayMap(i -> if(i = dateDiff('day', toDate({from:DateTime64(3, 'UTC')}), day), events, 0), range(toUInt32(least(dateDiff('day', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) + 1, 400))))) AS trend
FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND fingerprint IN (arrayFlatten({members:Array(Array(UInt64))})) AND <<.AnyOf "environment">> AND <<.AnyOf "release">>
GROUP BY survivor
-- step reopened: reopened Array(UInt64)
<<- if .Some "releases">>
<<reopened (reopenersOf "{acts:Array(UInt64)}" "{act_released:Array(UUID)}") "fingerprint IN arrayFlatten({acted:Array(Array(UInt64))})">>
<<- end>>
-- step result: rows
SELECT <<hex "g.survivor">> AS issue, g.l.1 AS title, g.l.2 AS culprit, g.l.3 AS type, toString(g.level_) AS level,
    <<- if .Some "acted">>
    multiIf((arrayElement({act_kinds:Array(String)}, g.act) AS kind_) = '', arrayElement({states:Array(String)}, g.place), kind_ = 'at_once', if(toUnixTimestamp64Milli(g.last_seen_) > arrayElement({act_at:Array(Int64)}, g.act), 'regressed', 'resolved'),
        <<- if .Some "releases">> kind_ = 'in_release', if(has({reopened:Array(UInt64)}, g.survivor), 'regressed', 'resolved'),<<end>>
        <<- if .Some "act_events">> kind_ = 'ignored' AND arrayElement({act_events:Array(UInt64)}, g.act) > 0 AND g.events_ >= arrayElement({act_events:Array(UInt64)}, g.act), 'ongoing',<<end>>
        <<- if .Some "act_users">> kind_ = 'ignored' AND arrayElement({act_users:Array(UInt64)}, g.act) > 0 AND g.users_ >= arrayElement({act_users:Array(UInt64)}, g.act), 'ongoing',<<end>> kind_) AS status, arrayElement({act_people:Array(String)}, g.act) AS assignee,
    <<- else>>
    arrayElement({states:Array(String)}, g.place) AS status, arrayElement({people:Array(String)}, g.place) AS assignee,<<end>>
    toDateTime64(g.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(g.last_seen_, 3, 'UTC') AS last_seen,
    arrayElement({counts:Array(UInt64)}, g.place) AS window_events,
    g.events_ AS events, g.users_ AS users,
    arrayFilter((p, bit) -> bitAnd(g.protocols_, bit) != 0, ['sentry', 'otlp'], [1, 2]) AS protocols,
    arraySort(arrayFilter(e -> e != '', g.environments_)) AS environments,
    g.f.1 AS first_release, g.l.6 AS last_release, g.l.7 AS sample_event_id, g.l.8 AS sample_trace_id, arrayElement({trends:Array(Array(UInt64))}, indexOf({trend_of:Array(UInt64)}, g.survivor)) AS trend,
    arrayElement({total:Array(UInt64)}, 1) AS matches
FROM (
    SELECT <<survivor "fingerprint">> AS survivor, indexOf({keys:Array(UInt64)}, survivor) AS place,<<if .Some "acted">> indexOf({acts:Array(UInt64)}, survivor) AS act,<<end>> min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_, max(level_max) AS level_,
        groupBitOr(protocols) AS protocols_, groupUniqArrayArray(environments) AS environments_, uniqCombinedArrayMerge(12)(users) AS users_, argMaxMerge(last) AS l, argMinMerge(first) AS f
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint IN (arrayFlatten({members:Array(Array(UInt64))}))
    GROUP BY survivor) AS g
ORDER BY g.place
