-- name: error_trend_split
-- purpose: Events over time, split by any dimension or tag, with every filter.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param bucket_seconds UInt32 = 3600: Width of a bucket, from 60.
-- param by String = none of none,project,environment,release,service,level,handled,protocol,issue,tag: Dimension.
-- param tag_key String: Of by tag: the key.
-- param issue String: 16 hex digits; empty for all.
-- param environment String: Environments, one a line; empty for all.
-- param release String: Releases, one a line; empty for all.
-- param service String: Services, one a line; empty for all.
-- param level String: Levels, one a line; empty for all.
-- param text String: Words that title or message must hold.
-- param filters String: Filters as JSON: [{"key","operator","values"}].
-- param series UInt32 = 10: Largest series to keep; the rest is other.
-- column time DateTime('UTC'): Start of the bucket.
-- column series String: Value of the dimension.
-- column events UInt64: Events.
-- column all_series UInt64: Series before the smallest were summed up as other.
-- cost: project_minute of the window, 5 ms for a day; events of the window where an issue, a tag, words or filters are named: 80 ms for 5 million.
-- bound: Buckets times (series + 1); the days of the window.
WITH
    {issue:String} != '' OR {text:String} != '' OR {filters:String} NOT IN ('', '[]') OR {by:String} IN ('issue', 'tag') AS deep,
    counted AS (
        SELECT time, series, sum(n) AS n
        FROM (
            SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time,
                multiIf({by:String} = 'project', toString(project_id), {by:String} = 'environment', toString(environment), {by:String} = 'release', toString(release),
                    {by:String} = 'service', toString(service), {by:String} = 'level', toString(level), {by:String} = 'handled', toString(handled), {by:String} = 'protocol', toString(protocol), 'errors') AS series,
                sum(events) AS n
            FROM project_minute
            WHERE NOT deep AND <<projects>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
                AND <<anyOf "environment">> AND <<anyOf "release">> AND <<anyOf "service">> AND <<anyOf "level">>
            GROUP BY time, series
            UNION ALL
            SELECT toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time,
                multiIf({by:String} = 'project', toString(project_id), {by:String} = 'environment', toString(environment), {by:String} = 'release', toString(release),
                    {by:String} = 'service', toString(service), {by:String} = 'level', toString(level), {by:String} = 'handled', toString(handled), {by:String} = 'protocol', toString(protocol),
                    {by:String} = 'issue', <<hex (survivor "fingerprint")>>, {by:String} = 'tag', tags[{tag_key:String}], 'errors') AS series,
                sum(toUInt64(weight)) AS n
            FROM events
            WHERE deep AND <<projects>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
                AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')}
                AND ({issue:String} = '' OR <<survivor "fingerprint">> = reinterpretAsUInt64(reverse(unhex({issue:String}))))
                AND <<anyOf "environment">> AND <<anyOf "release">> AND <<anyOf "service">> AND <<anyOf "level">>
                AND ({text:String} = '' OR hasAllTokens(lower(concat(title, ' ', message)), lower({text:String})))
                AND <<eventFilters>>
            GROUP BY time, series)
        GROUP BY time, series)
SELECT time, if(rank <= {series:UInt32}, series, 'other') AS series, sum(n) AS events, max(ranks) AS all_series
FROM (SELECT time, series, n, rank, max(rank) OVER () AS ranks
    FROM (SELECT time, series, n, dense_rank() OVER (ORDER BY total DESC, series) AS rank
        FROM (SELECT time, series, n, sum(n) OVER (PARTITION BY series) AS total FROM counted)))
GROUP BY time, series
ORDER BY time, series
