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
-- cost: Reads issue_hour or issue_day of the window and the plain columns of issue_rollup for the project, then the states of one page. 30 ms at 20 million events.
-- bound: 1000 rows a page; windows over 3 days read days, not hours.
-- step page: keys Array(UInt64), counts Array(UInt64), total Array(UInt64), states Array(String), people Array(String)
SELECT survivor, n, count() OVER () AS total, state, who
FROM (
    SELECT w.survivor AS survivor, w.n AS n, w.u AS u, w.rise AS rise, r.first_seen_ AS first_seen_, r.last_seen_ AS last_seen_, r.level_ AS level_,
        multiIf(st.status != '', st.status, r.first_seen_ > now64(3) - INTERVAL 7 DAY, 'new', 'ongoing') AS state, st.assignee AS who
    FROM (
        SELECT survivor, sum(n) AS n, sum(late) - sum(early) AS rise, if({sort:String} = 'users', uniqCombinedArrayMerge(12)(u), 0) AS u
        FROM (
            SELECT <<survivor "fingerprint">> AS survivor, sum(events) AS n, toInt64(sumIf(events, hour >= toDateTime({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}), 2))) AS late,
                toInt64(n) - late AS early, uniqCombinedArrayMergeState(12)(users) AS u
            FROM issue_hour
            WHERE dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) <= 259200
                AND project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
                AND <<anyOf "environment">> AND <<anyOf "release">>
            GROUP BY survivor
            UNION ALL
            SELECT <<survivor "fingerprint">> AS survivor, sum(events) AS n, toInt64(sumIf(events, day >= toDate({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('day', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) + 1, 2))) AS late,
                toInt64(n) - late AS early, uniqCombinedArrayMergeState(12)(users) AS u
            FROM issue_day
            WHERE dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) > 259200
                AND project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
                AND <<anyOf "environment">> AND <<anyOf "release">>
            GROUP BY survivor)
        GROUP BY survivor) AS w
    INNER JOIN (
        SELECT <<survivor "fingerprint">> AS survivor, min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, max(level_max) AS level_
        FROM issue_rollup WHERE project_id = {project:UInt32} GROUP BY survivor) AS r ON r.survivor = w.survivor
    LEFT JOIN (SELECT fingerprint, status, assignee FROM issue_state WHERE project_id = {project:UInt32}) AS st ON st.fingerprint = w.survivor
    WHERE ({level:String} = '' OR has(splitByChar('\n', {level:String}), toString(r.level_)))
        AND ({assignee:String} = '' OR st.assignee = {assignee:String})
        AND ({text:String} = '' OR w.survivor IN (
            SELECT DISTINCT <<survivor "fingerprint">> FROM events
            WHERE {text:String} != '' AND project_id = {project:UInt32} AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
                AND hasAllTokens(lower(concat(title, ' ', message)), lower({text:String}))))
        AND ({filters:String} IN ('', '[]') OR w.survivor IN (
            SELECT DISTINCT <<survivor "fingerprint">> FROM events
            WHERE {filters:String} NOT IN ('', '[]') AND project_id = {project:UInt32} AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
                AND <<eventFilters>>))
        AND ({tag:String} = '' OR w.survivor IN (
            SELECT DISTINCT <<survivor "fingerprint">> FROM issue_tag
            WHERE {tag:String} != '' AND project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
                AND key = splitByChar('=', {tag:String}, 2)[1] AND value = splitByChar('=', {tag:String}, 2)[2])))
WHERE {status:String} = 'any' OR state = {status:String} OR {status:String} = 'unresolved' AND state IN ('new', 'ongoing', 'regressed')
ORDER BY multiIf({sort:String} = 'events', toInt64(n), {sort:String} = 'users', toInt64(u), {sort:String} = 'trend', rise,
    {sort:String} = 'first_seen', toUnixTimestamp64Milli(first_seen_), toUnixTimestamp64Milli(last_seen_)) DESC, survivor
LIMIT least({limit:UInt32}, 1000) OFFSET {offset:UInt32}
-- step members: members Array(UInt64)
SELECT arrayJoin(arrayConcat({keys:Array(UInt64)}, (SELECT groupArray(fingerprint) FROM issue_merges WHERE project_id = {project:UInt32} AND survivor IN {keys:Array(UInt64)}))) AS fingerprint
-- step result: rows
SELECT <<hex "g.survivor">> AS issue, g.l.1 AS title, g.l.2 AS culprit, g.l.3 AS type, toString(g.level_) AS level,
    arrayElement({states:Array(String)}, indexOf({keys:Array(UInt64)}, g.survivor)) AS status, arrayElement({people:Array(String)}, indexOf({keys:Array(UInt64)}, g.survivor)) AS assignee,
    toDateTime64(g.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(g.last_seen_, 3, 'UTC') AS last_seen,
    arrayElement({counts:Array(UInt64)}, indexOf({keys:Array(UInt64)}, g.survivor)) AS window_events,
    g.events_ AS events, g.users_ AS users,
    arrayFilter((p, bit) -> bitAnd(g.protocols_, bit) != 0, ['sentry', 'otlp'], [1, 2]) AS protocols,
    arraySort(arrayFilter(e -> e != '', g.environments_)) AS environments,
    g.f.1 AS first_release, g.l.6 AS last_release, g.l.7 AS sample_event_id, g.l.8 AS sample_trace_id, t.trend AS trend,
    arrayElement({total:Array(UInt64)}, 1) AS matches
FROM (
    SELECT <<survivor "fingerprint">> AS survivor, min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_, max(level_max) AS level_,
        groupBitOr(protocols) AS protocols_, groupUniqArrayArray(environments) AS environments_, uniqCombinedArrayMerge(12)(users) AS users_, argMaxMerge(last) AS l, argMinMerge(first) AS f
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)}
    GROUP BY survivor) AS g
LEFT JOIN (
    SELECT survivor, sumForEach(bucket) AS trend
    FROM (
        SELECT <<survivor "fingerprint">> AS survivor, arrayMap(i -> if(i = least(intDiv(dateDiff('second', toStartOfHour({from:DateTime64(3, 'UTC')}), hour) * 24, greatest(dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}), 1)), 23), events, 0), range(24)) AS bucket
        FROM issue_hour
        WHERE dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) <= 259200
            AND project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')} AND fingerprint IN {members:Array(UInt64)}
            AND <<anyOf "environment">> AND <<anyOf "release">>
        UNION ALL
        SELECT <<survivor "fingerprint">> AS survivor, arrayMap(i -> if(i = dateDiff('day', toDate({from:DateTime64(3, 'UTC')}), day), events, 0), range(toUInt32(least(dateDiff('day', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) + 1, 400)))) AS bucket
        FROM issue_day
        WHERE dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) > 259200
            AND project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')}) AND fingerprint IN {members:Array(UInt64)}
            AND <<anyOf "environment">> AND <<anyOf "release">>)
    GROUP BY survivor) AS t ON t.survivor = g.survivor
ORDER BY indexOf({keys:Array(UInt64)}, g.survivor)
