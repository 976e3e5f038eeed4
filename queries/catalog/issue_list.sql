-- name: issue_list
-- purpose: One page of a project's issues in a time window, filtered and sorted.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -14d: Start of the window; whole hours up to 3 days, whole days beyond.
-- param to DateTime64 = now: End of the window.
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
-- column trend Array(UInt64): Events of the window in 24 equal parts (days where the window is over 3 days).
-- column matches UInt64: Issues that match, on all pages.
-- applied: status, level, assignee, tag, sort, limit, offset
-- cost: Columns of plain numbers at once: issue_hour or issue_day of the window, issue_rollup, the triage log; tag_issue for a tag, the index of events for words. Then of the page's issues at once: titles and users by key, the trend, releases where one is resolved in a release. 30 ms; put together by the process that asks.
-- bound: 1000 rows a page; windows over 3 days read days, not hours.
-- step all: part Array(UInt8), page Array(UInt64), months Array(Date), masks Array(UInt32), pair Array(String)
<</* All at first. Where that is over the limit of rows of whoever asks, compose.go asks in 16 parts. Months of the window with a bit for each of its days, where tag_issue has all of them, and the tag's key and value: tagged.go. What was on the page last time, whose trend is read with the window: trend.go. */>>
-- step window: rows
SELECT fingerprint, sum(events) AS n<<if .Is "sort" "users">>, uniqCombinedArrayMerge(12)(users) AS u<<end>>
    <<- if .Is "sort" "trend">>, sumIf(events, <<if .Within 72>>hour >= toDateTime({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('second', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}), 2)
        <<- else>>day >= toDate({from:DateTime64(3, 'UTC')}) + intDiv(dateDiff('day', {from:DateTime64(3, 'UTC')}, {to:DateTime64(3, 'UTC')}) + 1, 2)<<end>>) AS late<<end>>
    <<- if .Given "page">><<if .Is "sort" "users">>, sumMapIf([<<if .Within 72>>hour<<else>>day<<end>>], [events], fingerprint IN {page:Array(UInt64)}) AS slots
        <<- else>>, if(fingerprint IN {page:Array(UInt64)}, <<if .Within 72>>hour, toDateTime(0, 'UTC'))<<else>>day, toDate(0))<<end>> AS slot<<end>><<end>>
<<if .Within 72>>FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>>FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY fingerprint<<if .Given "page">><<if not (.Is "sort" "users")>>, slot<<end>><<end>>
-- step issues: rows
SELECT fingerprint, min(first_seen) AS born, max(last_seen) AS newest, born > now64(3) - INTERVAL 7 DAY AS fresh, sum(cityHash64(_part, fingerprint, serverUUID())) AS version
    <<- if .Given "level">>, toInt8(max(level_max)) AS highest<<end>><<if not (.Is "status" "any" "")>>, sum(events) AS n<<end>>
FROM issue_rollup
WHERE project_id = {project:UInt32}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY fingerprint
-- step log: rows
SELECT fingerprint, action_id, action, at, resolution, until, until <= now64(3) AS past, until_events, until_users, base_events, base_users, assignee, into, target_action
FROM issue_actions
WHERE project_id = {project:UInt32}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
ORDER BY fingerprint, at, action_id
-- step words: rows
<<- if .Given "text">>
SELECT DISTINCT fingerprint
FROM events
WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<.HasWords>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<- end>>
-- step passed: rows
<<- if .Given "filters">>
SELECT DISTINCT fingerprint
FROM events
WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<.EventFilters>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
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
FROM issue_tag
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
    AND key = {pair:Array(String)}[1] AND value = {pair:Array(String)}[2]
<<- end>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<- end>>
-- step decided: members Array(UInt64), owners Array(UInt64), moved Array(UInt8), resolved Array(UInt64), resolutions Array(UUID), resolved_members Array(UInt64), crowd Array(UInt64), crowds Array(UInt64), visitors Array(UInt64), visited Array(UInt64)
<</* Here issue_list.go puts together which issues match, and what is still to be asked of which of them. */>>
-- step visits: rows
<<- if .Given "visitors">>
SELECT transform(fingerprint, {visitors:Array(UInt64)}, {visited:Array(UInt64)}, fingerprint) AS owner, uniqCombinedArrayMerge(12)(users) AS u
<<if .Within 72>>FROM issue_hour
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
SELECT fingerprint, <<if .Within 72>>hour, sum(events) AS n
FROM issue_hour
WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
<<- else>>day, sum(events) AS n
FROM issue_day
WHERE project_id = {project:UInt32} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
    AND fingerprint IN {page:Array(UInt64)} AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY fingerprint, <<if .Within 72>>hour<<else>>day<<end>>
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
