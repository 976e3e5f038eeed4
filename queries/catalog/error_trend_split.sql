-- name: error_trend_split
-- purpose: Events over time, split by any dimension or tag, with every filter.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start, in whole minutes.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_seconds UInt32 = 3600: Width of a bucket, from 60.
-- param by String = none of none,project,environment,release,service,level,handled,protocol,issue,tag,platform,server_name,transaction,sdk,type,logger,mechanism,country,http_status: Dimension.
-- param tag_key String: Of by=tag: the key of the tag, such as plan.
-- param issue String: 16 hex digits; empty for all; of one that was merged away, the issue that it went into.
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
-- applied: series
-- cost: project_minute of the window, 5 ms for a day; in buckets of whole hours, and of whole minutes in windows up to 26 hours, these are kept by parts, of which those are read that are not known yet. Of an issue or by issue, with whole hours and no filter that issue_hour lacks: issue_hour, or stored_size where the window is whole hours too, and events of the hours that it cuts at both ends. By issue, what issue_day, issue_hour and all hours have is kept by parts, of which those are read that are not known yet: 20 ms. By a tag or filtered by one, in buckets of whole five minutes: tag_trend, whole hours of which are kept by parts, and events of the five minutes that it cuts and of the time before the rollup came. What events have of the hours in which such a window begins and ends is kept by parts and minute. Events of the window where words, a dimension from platform on, several tags or other filters are named, and of what is older than 90 days, where a project keeps more: 80 ms for 5 million.
-- bound: Buckets times (series + 1); the days of the window.
-- step all: part Array(UInt8), ends Array(Int64), page Array(UInt64), names Array(String), span Array(Int64), cuts Array(Int64)
<</* Where the whole hours of the window begin and end, of project_minute. Where, of the first and the last hour, rows are read that are not kept by the minute. Fingerprints of the issues that are shown by name. Names of parts of a table, and the first and the last millisecond that is read of them: asking/kept.go; put together in trend/split.go and trend/tags.go. */>>
-- step engine: rows
<<- if or .Ranked .Shallow .Single .TagHours>>
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
<<- end>>
-- step day_parts: rows
<<- if .Ranked>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUInt16(min(day))) * 86400000 AS first, toInt64(toUInt16(max(day))) * 86400000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_day
GROUP BY part, name, server
<<- end>>
-- step hour_parts: rows
<<- if or .Ranked .Single>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUnixTimestamp(min(hour))) * 1000 AS first, toInt64(toUnixTimestamp(max(hour))) * 1000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM issue_hour
GROUP BY part, name, server
<<- end>>
-- step days: rows
<<- if and .Ranked (.Given "names")>>
SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, project_id, <<strip "toUInt16(day)" "t.events">> AS cells, '' AS nobody
FROM issue_day AS t
WHERE day >= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC')) AND day <= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC')) AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND _part IN {names:Array(String)}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, fingerprint, project_id
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toUInt32(0), '', ''
<<- end>>
-- step day_sums: rows
<<- if and .Ranked (.Given "span")>>
SELECT project_id, fingerprint, sum(t.events) AS n
FROM issue_day AS t
WHERE day >= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC')) AND day <= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC')) AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY project_id, fingerprint
<<- end>>
-- step hours: rows
<<- if and .Ranked (.Given "names")>>
SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, project_id, <<strip "intDiv(toUnixTimestamp(hour), 3600)" "t.events">> AS cells, '' AS nobody
FROM issue_hour AS t
WHERE hour >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC') AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND _part IN {names:Array(String)}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, fingerprint, project_id
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toUInt32(0), '', ''
<<- end>>
-- step points: rows
<<- if and (or .Ranked .Single) (.Given "names")>>
SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, project_id, <<strip "intDiv(toUnixTimestamp(hour), 3600)" "t.events">> AS cells, '' AS nobody
FROM issue_hour AS t
WHERE hour >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC') AND fingerprint IN {page:Array(UInt64)} AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND _part IN {names:Array(String)}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, fingerprint, project_id
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toUInt32(0), '', ''
<<- end>>
-- step totals: rows
<<- if and .Ranked (.Given "names")>>
SELECT part, toUInt64(0) AS nothing, toUInt32(0) AS nowhere, <<strip "slot" "n">> AS cells, '' AS nobody
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, intDiv(toUnixTimestamp(hour), 3600) AS slot, sum(t.events) AS n
    FROM issue_hour AS t
    WHERE hour >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC') AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND _part IN {names:Array(String)}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
    GROUP BY part, slot)
GROUP BY part
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toUInt32(0), '', ''
<<- end>>
-- step event_parts: rows
<<- if or .Ranked .TagHours>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toUnixTimestamp64Milli(min(ts)) AS first, toUnixTimestamp64Milli(max(ts)) AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM events
GROUP BY part, name, server
<<- end>>
-- step minutes: rows
<<- if and .Ranked (.Given "names")>>
SELECT part, fingerprint, project_id, <<strip "slot" "n">> AS cells, '' AS nobody
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, fingerprint, project_id, toMinute(ts) AS slot, sum(toUInt64(weight)) AS n
    FROM events
    WHERE ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC') AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND _part IN {names:Array(String)}<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
    GROUP BY part, fingerprint, project_id, slot)
GROUP BY part, fingerprint, project_id
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toUInt32(0), '', ''
<<- end>>
-- step edges: rows
<<- if or .Ranked .Single>><<if not (.Whole 3600)>>
WITH toStartOfHour(toStartOfMinute({from:DateTime64(3, 'UTC')}) + INTERVAL 3599 SECOND) AS first_hour, toStartOfHour({to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND) AS end_hour
SELECT project_id, fingerprint, toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, sum(toUInt64(weight)) AS n
FROM events
WHERE <<.Projects>> AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<if .Given "cuts">>ts >= fromUnixTimestamp64Milli({cuts:Array(Int64)}[2], 'UTC')<<else>>toDate(ts) IN (toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')})) AND (ts < first_hour OR ts >= end_hour)<<end>>
    AND <<.OfIssue>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY project_id, fingerprint, time
<<- end>><<end>>
-- step merged: rows
<<- if or .Ranked .Single>>
SELECT project_id, fingerprint, survivor FROM issue_of WHERE <<.Projects>> AND survivor != fingerprint<<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
<<- end>>
-- step minute_parts: rows
<<- if .Shallow>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUnixTimestamp(min(minute))) * 1000 AS first, toInt64(toUnixTimestamp(max(minute))) * 1000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM project_minute
GROUP BY part, name, server
<<- end>>
-- step counted_hours: rows
<<- if and .Shallow (.Given "names")>>
SELECT cityHash64(_part, serverUUID()) AS part, cityHash64(named) AS hash, toInt64(toUnixTimestamp(<<.KeptSlot>>)) * 1000 AS slot, <<.Series>> AS named, sum(m.events) AS n
FROM project_minute AS m
WHERE minute >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND minute <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC')
    AND _part IN {names:Array(String)} AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND <<.AnyOf "service">> AND <<.AnyOf "level">><<if .Given "part">> AND intDiv(toUnixTimestamp(minute), 3600) % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, slot, named
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), '', toUInt64(0)
<<- end>>
-- step cut_hours: rows
<<- if .Shallow>>
SELECT toInt64(toUnixTimestamp(toStartOfHour(minute))) * 1000 AS slot, <<.Series>> AS named, sum(m.events) AS n
FROM project_minute AS m
WHERE minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
    AND (minute < toDateTime(fromUnixTimestamp64Milli({ends:Array(Int64)}[1], 'UTC'), 'UTC') OR minute >= toDateTime(fromUnixTimestamp64Milli({ends:Array(Int64)}[2], 'UTC'), 'UTC')) AND <<.Projects>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND <<.AnyOf "service">> AND <<.AnyOf "level">>
GROUP BY slot, named
<<- end>>
-- step complete: rows
<<- if .TagHours>>
SELECT max(since) FROM rollup_since WHERE rollup = 'tag_trend' HAVING count() > 0
<<- end>>
-- step tag_parts: rows
<<- if .TagHours>>
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUnixTimestamp(min(slot))) * 1000 AS first, toInt64(toUnixTimestamp(max(slot))) * 1000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM tag_trend
GROUP BY part, name, server
<<- end>>
-- step tag_hours: rows
<<- if and .TagHours (.Given "names")>>
SELECT part, cityHash64(named, bare) AS hash, at, <<if .Is "by" "tag">>tag_value<<else>><<.Series>><<end>> AS named, toUInt8(tag_value = '') AS bare, sum(rest) AS n
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, project_id, toInt64(toUnixTimestamp(toStartOfHour(slot))) * 1000 AS at, environment, pair.1 AS tag_value, sum(pair.2) AS rest
    FROM tag_trend
    ARRAY JOIN if(key = '' AND value = '', [('', toInt64(events))], [(value, toInt64(events)), ('', -toInt64(events))]) AS pair
    WHERE <<.Projects>> AND key IN ('', <<.TagKey>>) AND slot >= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC'), 'UTC') AND slot <= toDateTime(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'), 'UTC')
        AND _part IN {names:Array(String)} AND <<.AnyOf "environment">><<if .Given "part">> AND intDiv(toUnixTimestamp(slot), 3600) % 16 = {part:Array(UInt8)}[1]<<end>>
    GROUP BY part, project_id, at, environment, pair.1)
WHERE <<.TagFilters>>
GROUP BY part, at, named, bare
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), '', toUInt8(0), toInt64(0)
<<- end>>
-- step tag_minutes: rows
<<- if and .TagHours (.Given "names")>>
SELECT cityHash64(_part, serverUUID()) AS part, cityHash64(named) AS hash, toInt64(toUnixTimestamp(toStartOfMinute(toDateTime(ts, 'UTC')))) * 1000 AS at, <<.Series>> AS named, toUInt8(0) AS bare, toInt64(sum(toUInt64(weight))) AS n
FROM events
WHERE <<.Projects>> AND ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC')
    AND _part IN {names:Array(String)} AND <<.AnyOf "environment">> AND <<.EventFilters>><<if .Given "part">> AND fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
GROUP BY part, at, named
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), toInt64(0), '', toUInt8(0), toInt64(0)
<<- end>>
-- step cut_tags: rows
<<- if .TagHours>>
WITH
    <<if .Given "cuts">>toDateTime(fromUnixTimestamp64Milli({cuts:Array(Int64)}[1], 'UTC'), 'UTC') AS first_slot, toStartOfFiveMinutes({to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND) AS end_slot<<else>>
    (SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), max(since)) FROM rollup_since WHERE rollup = 'tag_trend') AS since,
    greatest(toStartOfFiveMinutes(toStartOfMinute({from:DateTime64(3, 'UTC')}) + INTERVAL 299 SECOND), since, toStartOfFiveMinutes(now('UTC') - INTERVAL 90 DAY) + INTERVAL 5 MINUTE) AS first_slot, toStartOfFiveMinutes({to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND) AS end_slot<<end>>
SELECT toInt64(toUnixTimestamp(toStartOfHour(slot))) * 1000 AS at, <<if .Is "by" "tag">>tag_value<<else>><<.Series>><<end>> AS named, sum(rest) AS n
FROM (
    SELECT project_id, slot, environment, pair.1 AS tag_value, sum(pair.2) AS rest
    FROM tag_trend
    ARRAY JOIN if(key = '' AND value = '', [('', toInt64(events))], [(value, toInt64(events)), ('', -toInt64(events))]) AS pair
    WHERE <<.Projects>> AND key IN ('', <<.TagKey>>) AND slot >= first_slot AND slot < end_slot AND <<.AnyOf "environment">>
        AND (slot < toDateTime(fromUnixTimestamp64Milli({ends:Array(Int64)}[1], 'UTC'), 'UTC') OR slot >= toDateTime(fromUnixTimestamp64Milli({ends:Array(Int64)}[2], 'UTC'), 'UTC'))
    GROUP BY project_id, slot, environment, pair.1
    HAVING tag_value != '' OR rest > 0)
WHERE <<.TagFilters>>
GROUP BY at, named
UNION ALL
SELECT toInt64(toUnixTimestamp(toStartOfHour(toDateTime(ts, 'UTC')))) * 1000 AS at, <<.Series>> AS named, toInt64(sum(toUInt64(weight))) AS n
FROM events
WHERE <<.Projects>> AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<if .Given "cuts">>ts >= fromUnixTimestamp64Milli({cuts:Array(Int64)}[2], 'UTC')<<else if .Whole 300>>first_slot > {from:DateTime64(3, 'UTC')} AND ts < first_slot<<else>>(ts < first_slot OR ts >= end_slot)<<end>>
    AND <<.AnyOf "environment">> AND <<.EventFilters>>
GROUP BY at, named
<<- end>>
-- step result: rows
WITH
    <<if .Hourly>>toStartOfHour(toStartOfMinute({from:DateTime64(3, 'UTC')}) + INTERVAL 3599 SECOND) AS first_hour, toStartOfHour({to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND) AS end_hour,<<end>>
    <<- if .Sized>> <<.FirstSlot "stored_size">>,<<end>>
    <<- if .Tagged>>
    (SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), max(since)) FROM rollup_since WHERE rollup = 'tag_trend') AS since,
    greatest(toStartOfFiveMinutes(toStartOfMinute({from:DateTime64(3, 'UTC')}) + INTERVAL 299 SECOND), since, toStartOfFiveMinutes(now('UTC') - INTERVAL 90 DAY) + INTERVAL 5 MINUTE) AS first_slot, toStartOfFiveMinutes({to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND) AS end_slot,<<end>>
    counted AS (
        SELECT time, <<if .Is "by" "issue">>project_id, fingerprint, n<<else>><<.Named>> AS series, sum(n) AS n<<end>>
        FROM (
            <<- if not .Deep>>
            SELECT toStartOfInterval(minute, toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time, <<.Series>> AS series, sum(events) AS n
            FROM <<.Minutes>> AS m
            WHERE <<.Projects>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
                AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND <<.AnyOf "service">> AND <<.AnyOf "level">>
            GROUP BY time, series
            <<- else>><<if .Sized>>
            SELECT toStartOfInterval(slot, toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, <<.Parts>>, sum(s.events) AS n
            FROM stored_size AS s
            WHERE <<.Projects>> AND kind = 'issue' AND slot >= first_slot AND slot < end_hour AND <<.OfIssue>>
            GROUP BY time, <<.PartNames>>
            UNION ALL
            SELECT toStartOfInterval(hour, toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, <<.Parts>>, sum(h.events) AS n
            FROM issue_hour AS h
            WHERE first_slot > begin_slot AND <<.Projects>> AND hour >= first_hour AND hour < least(first_slot, end_hour) AND <<.OfIssue>>
            GROUP BY time, <<.PartNames>>
            <<- else if .Hourly>>
            SELECT toStartOfInterval(hour, toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, <<.Parts>>, sum(h.events) AS n
            FROM issue_hour AS h
            WHERE <<.Projects>> AND hour >= first_hour AND hour < end_hour<<if .Long>> AND hour >= <<.FirstKept>><<end>> AND <<.OfIssue>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">>
            GROUP BY time, <<.PartNames>>
            <<- end>>
            <<- if .Hourly>><<if or .Long (not (.Whole 3600))>>
            UNION ALL<<end>><<else if .Tagged>>
            SELECT toStartOfInterval(slot, toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, <<if .Is "by" "tag">>tag_value<<else>><<.Series>><<end>> AS series, toUInt64(sum(rest)) AS n
            FROM (
                SELECT project_id, slot, environment, pair.1 AS tag_value, sum(pair.2) AS rest
                FROM tag_trend
                ARRAY JOIN if(key = '' AND value = '', [('', toInt64(events))], [(value, toInt64(events)), ('', -toInt64(events))]) AS pair
                WHERE <<.Projects>> AND key IN ('', <<.TagKey>>) AND slot >= first_slot AND slot < end_slot AND <<.AnyOf "environment">>
                GROUP BY project_id, slot, environment, pair.1
                HAVING tag_value != '' OR rest > 0)
            WHERE <<.TagFilters>>
            GROUP BY time, series
            UNION ALL<<end>>
            <<- if or .Long (not (and .Hourly (.Whole 3600)))>>
            SELECT toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 60)), 'UTC') AS time, <<.Parts>>, sum(toUInt64(weight)) AS n
            FROM events
            WHERE <<.Projects>> AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')}
                <<if and .Hourly .Long>>AND (ts < <<.FirstKept>> OR ts >= end_hour)<<else if .Hourly>>AND toDate(ts) IN (toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')})) AND (ts < first_hour OR ts >= end_hour)<<end>>
                <<- if .Tagged>>AND <<if .Whole 300>>first_slot > {from:DateTime64(3, 'UTC')} AND ts < first_slot<<else>>(ts < first_slot OR ts >= end_slot)<<end>><<end>>
                AND <<.OfIssue>> AND <<.AnyOf "environment">> AND <<.AnyOf "release">> AND <<.AnyOf "service">> AND <<.AnyOf "level">>
                AND <<.HasWords>>
                AND <<.EventFilters>>
            GROUP BY time, <<.PartNames>>
            <<- end>>
            <<- end>>)
        <<- if not (.Is "by" "issue")>>
        GROUP BY time, series<<end>>)
SELECT time, if(place <= {series:UInt32}, <<.Shown "any(named)">>, 'other') AS series, sum(n) AS events, max(ranks) AS all_series
FROM (
    SELECT named, <<if .Is "by" "issue">>least(rank, {series:UInt32} + 1)<<else>>if(named = 'other', {series:UInt32} + 1, least(rank, {series:UInt32} + 1))<<end>> AS place, ranks, arrayJoin(points) AS point, point.1 AS time, point.2 AS n
    FROM (SELECT named, points, row_number() OVER (ORDER BY total DESC, named) AS rank, count() OVER () AS ranks
        FROM (
            <<- if .Is "by" "issue">>
            SELECT <<.Named>> AS named, groupArrayArray(part) AS points, sum(of_part) AS total
            FROM (SELECT project_id, fingerprint, groupArray((time, n)) AS part, sum(n) AS of_part FROM counted GROUP BY project_id, fingerprint)
            GROUP BY named
            <<- else>>
            SELECT series AS named, groupArray((time, n)) AS points, sum(n) AS total FROM counted GROUP BY named
            <<- end>>)))
GROUP BY time, place
ORDER BY time, series
