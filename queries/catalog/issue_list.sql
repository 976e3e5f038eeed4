-- name: issue_list
-- purpose: One page of a project's issues in a time window, filtered and sorted.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -14d: Start of the window; whole hours up to 3 days, whole days beyond and where it begins over 90 days ago.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param status String = any of any,unresolved,new,ongoing,regressed,resolved,ignored: State; unresolved is new, ongoing or regressed.
-- param environment String: Environments, one a line; empty for all.
-- param release String: Releases, one a line; empty for all.
-- param level String: Highest levels, one a line; empty for all.
-- param text String: Words that an event's title or message must hold; case does not count, see text_search.
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
-- column trend Array(UInt64): Events of the window in 24 equal parts (days where whole days count).
-- column matches UInt64: Issues that match, on all pages.
-- applied: status, level, assignee, tag, sort, limit, offset
-- cost: What a window says of issues is kept by parts of the tables, which never change: a page asks which parts there are, and reads those that it does not know. Then of the page's issues at once: titles and users by key, releases where one is resolved in a release. 15 ms; where parts are new, what they hold; put together by the process that asks. A tag in a window that begins over 90 days ago from events of what is older: 600 ms a million.
-- bound: 1000 rows a page; windows over 3 days, and those that begin over 90 days ago, read days, not hours.
-- step all: part Array(UInt8), page Array(UInt64), months Array(Date), masks Array(UInt32), pair Array(String), names Array(String), span Array(Int64)
<</* All at first. Where that is over the limit of rows of whoever asks, asking.go asks in 16 parts. Months of the window with a bit for each of its days, where tag_issue has all of them, and the tag's key and value: tagged.go. Names of parts of a table, and the first and the last millisecond that is read of them: kept.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step window_parts: rows
<<- if .ByHours>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUnixTimestamp(min(hour))) * 1000 AS first, toInt64(toUnixTimestamp(max(hour))) * 1000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_hour
<<- else>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUInt16(min(day))) * 86400000 AS first, toInt64(toUInt16(max(day))) * 86400000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_day
<<- end>>
GROUP BY part, name, server
-- step counted: rows
<<- if .Given "names">>
<<- if .Is "sort" "users">>
SELECT part, fingerprint, toUInt32(0) AS nobody, <<strip "slot" "n">> AS cells, arrayStringConcat(arrayMap(u -> reinterpretAsFixedString(u), groupArray(bitOr(toUInt32(u), toUInt32(2147483648))))) AS crowds
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, <<if .ByHours>>intDiv(toUnixTimestamp(hour), 3600)<<else>>toUInt16(day)<<end>> AS slot, sum(events) AS n, uniqCombinedArrayMerge(12)(users) AS u
<<- else>>
SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, toUInt32(0) AS nobody, <<if .ByHours>><<strip "intDiv(toUnixTimestamp(hour), 3600)" "events">><<else>><<strip "toUInt16(day)" "events">><<end>> AS cells, '' AS crowds
<<- end>>
<<if .ByHours>>FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC')
<<- else>>FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC')) AND day <= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'))
<<- end>>
    AND _part IN {names:Array(String)} AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<- if .Is "sort" "users">>
    GROUP BY part, fingerprint, slot)<<end>>
GROUP BY part, fingerprint
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toUInt32(0), '', ''
<<- end>>
-- step window: rows
SELECT fingerprint, sum(events) AS n, <<if .Is "sort" "users">>uniqCombinedArrayMerge(12)(users)<<else>>toUInt64(0)<<end>> AS u,
    <<- if .Is "sort" "trend">> sumIf(events, <<if .ByHours>>hour >= toDateTime({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}), 2)
        <<- else>>day >= toDate({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('day', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) + 1, 2)<<end>>)<<else>> toUInt64(0)<<end>> AS late
<<if .ByHours>>FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>>FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY fingerprint
-- step issue_parts: rows
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(0) AS first, toInt64(0) AS last, count() AS n, cityHash64(serverUUID()) AS server, toUnixTimestamp64Milli(now64(3) - INTERVAL 7 DAY) AS fresh
FROM issue_rollup
GROUP BY part, name, server
-- step issues: rows
SELECT <<if .Given "names">>cityHash64(_part, serverUUID())<<else>>toUInt64(0)<<end>> AS part, fingerprint, toUnixTimestamp64Milli(min(first_seen)) AS born, toUnixTimestamp64Milli(max(last_seen)) AS newest, sum(events) AS n, toInt8(max(level_max)) AS highest,
    sum(cityHash64(_part, fingerprint, serverUUID())) AS version, toUnixTimestamp64Milli(now64(3) - INTERVAL 7 DAY) AS fresh
FROM issue_rollup
WHERE project_id = {project:UInt32}<<if .Given "names">> AND _part IN {names:Array(String)}<<end>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, fingerprint
<<- if .Given "names">>
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), toInt64(0), toUInt64(0), toInt8(0), toUInt64(0), toInt64(0)
<<- end>>
-- step log: rows
SELECT fingerprint, action_id, action, at, resolution, until, until <= now64(3) AS past, until_events, until_users, base_events, base_users, assignee, into, target_action
FROM issue_actions
WHERE project_id = {project:UInt32}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
ORDER BY fingerprint, at, action_id
-- step event_parts: rows
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toUnixTimestamp64Milli(min(ts)) AS first, toUnixTimestamp64Milli(max(ts)) AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM events
GROUP BY part, name, server
-- step words: rows
<<- if .Given "text">>
SELECT <<if .Given "names">>cityHash64(_part, serverUUID()) AS part, fingerprint, toInt64(toUInt16(toDate(ts))) * 86400000 AS slot, toUnixTimestamp64Milli(min(ts)) AS oldest, toUnixTimestamp64Milli(max(ts)) AS newest<<else>>DISTINCT fingerprint<<end>>
FROM events
WHERE project_id = {project:UInt32} AND <<if .Given "names">>ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC') AND _part IN {names:Array(String)}<<else>>ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}<<end>>
    AND <<.HasWords>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<if .Given "names">>
GROUP BY part, fingerprint, toDate(ts)
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), toInt64(0), toInt64(0)
<<- end>>
<<- end>>
-- step passed: rows
<<- if .Given "filters">>
SELECT <<if .Given "names">>cityHash64(_part, serverUUID()) AS part, fingerprint, toInt64(toUInt16(toDate(ts))) * 86400000 AS slot, toUnixTimestamp64Milli(min(ts)) AS oldest, toUnixTimestamp64Milli(max(ts)) AS newest<<else>>DISTINCT fingerprint<<end>>
FROM events
WHERE project_id = {project:UInt32} AND <<if .Given "names">>ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC') AND _part IN {names:Array(String)}<<else>>ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}<<end>>
    AND <<.Counted>> AND <<.EventFilters>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<if .Given "names">>
GROUP BY part, fingerprint, toDate(ts)
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), toInt64(0), toInt64(0)
<<- end>>
<<- end>>
-- step complete: rows
<<- if .Given "tag">>
SELECT max(since) FROM rollup_since WHERE rollup = 'tag_issue' HAVING count() > 0
<<- end>>
-- step tagged: rows
<<- if .Given "tag">>
SELECT DISTINCT fingerprint
<<- if .Given "months">>
FROM tag_issue
WHERE project_id = {project:UInt32} AND tag = cityHash64({pair:Array(String)}[1], {pair:Array(String)}[2])
    AND month IN {months:Array(Date)} AND bitAnd(days, transform(month, {months:Array(Date)}, {masks:Array(UInt32)}, toUInt32(0))) != 0
<<- else>>
FROM <<.TagRows "issue_tag" "project_id = {project:UInt32}">> AS t
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
    AND key = {pair:Array(String)}[1] AND value = {pair:Array(String)}[2]
<<- end>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<- end>>
-- step decided: members Array(UInt64), owners Array(UInt64), moved Array(UInt8), resolved Array(UInt64), resolutions Array(UUID), resolved_members Array(UInt64), crowd Array(UInt64), crowds Array(UInt64), visitors Array(UInt64), visited Array(UInt64)
<</* Here package issues puts together which issues match, and what is still to be asked of which of them. */>>
-- step visits: rows
<<- if .Given "visitors">>
SELECT transform(fingerprint, {visitors:Array(UInt64)}, {visited:Array(UInt64)}, fingerprint) AS owner, uniqCombinedArrayMerge(12)(users) AS u, any(cityHash64(serverUUID())) AS server
<<if .ByHours>>FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>>FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND fingerprint IN {visitors:Array(UInt64)} AND <<.AnyOf "environment">> AND <<.AnyOf "release">>
GROUP BY owner
<<- end>>
-- step crowds: rows
<<- if .Given "crowd">>
SELECT transform(fingerprint, {crowd:Array(UInt64)}, {crowds:Array(UInt64)}, fingerprint) AS owner, uniqCombinedArrayMerge(12)(users) AS u
FROM issue_rollup
WHERE project_id = {project:UInt32} AND fingerprint IN {crowd:Array(UInt64)}
GROUP BY owner
<<- end>>
-- step reopened: rows
<<- if .Given "resolved">>
<<reopened (reopenersOf "{resolved:Array(UInt64)}" "{resolutions:Array(UUID)}") "fingerprint IN {resolved_members:Array(UInt64)}">>
<<- end>>
-- step trend: rows
SELECT fingerprint, <<if .ByHours>>hour, sum(events) AS n
FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>>day, sum(events) AS n
FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND fingerprint IN {page:Array(UInt64)} AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY fingerprint, <<if .ByHours>>hour<<else>>day<<end>>
-- step people: rows
<<- if .Given "members">>
SELECT <<if .Some "moved">>transform(fingerprint, {members:Array(UInt64)}, {owners:Array(UInt64)}, fingerprint)<<else>>fingerprint<<end>> AS owner,
    min(first_seen) AS born, max(last_seen) AS newest, sum(events) AS n, toString(max(level_max)) AS level, uniqCombinedArrayMerge(12)(users) AS u, sum(cityHash64(_part, fingerprint, serverUUID())) AS version
FROM issue_rollup
WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)}
GROUP BY owner
<<- end>>
-- step result: rows
<<- if .Given "members">>
SELECT <<if .Some "moved">>transform(fingerprint, {members:Array(UInt64)}, {owners:Array(UInt64)}, fingerprint)<<else>>fingerprint<<end>> AS owner,
    groupBitOr(protocols) AS seen_by, groupUniqArrayArray(environments) AS places, argMaxMerge(last) AS l, argMinMerge(first) AS f, sum(cityHash64(_part, fingerprint, serverUUID())) AS version
FROM issue_rollup
WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)}
GROUP BY owner
<<- end>>
