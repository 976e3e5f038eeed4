-- name: users_affected
-- purpose: Whom an issue hits: users with their number of events, most first.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits; of one that was merged away, the issue that it went into.
-- param from DateTime64 = -14d: Start.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param limit UInt32 = 100: Rows, at most 10000.
-- column user String: Id, else e-mail, name or address.
-- column events UInt64: Events.
-- column first_seen DateTime64(3, 'UTC'): First event of this user in the window.
-- column last_seen DateTime64(3, 'UTC'): Last event of this user in the window.
-- column all_users UInt64: Different users of the issue on the days of the window (sketch).
-- cost: Whole days of the issue's users are kept by parts of the table, of which those are read that are not known, behind the question where they have over a million rows; events of the days that the window cuts; names of the users that are shown, until the part that said them is gone. 15 ms; where nothing is known, user columns of the issue's events in the window, 40 ms for 0.4 million.
-- bound: 10,000 rows. Users of counted flood rows are in all_users only.
-- step all: part Array(UInt8), names Array(String), span Array(Int64), members Array(UInt64), page Array(UInt64)
<</* Names of parts of events, the first and the last millisecond of whole days, fingerprints of the issue, and who is shown: affected/affected.go. */>>
-- step engine: rows
SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'issue_day'
-- step merged: rows
SELECT fingerprint FROM <<members>><<if .Given "part">> WHERE fingerprint % 16 = {part:Array(UInt8)}[1]<<end>>
-- step event_parts: rows
SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toUnixTimestamp64Milli(min(ts)) AS first, toUnixTimestamp64Milli(max(ts)) AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM events
GROUP BY part, name, server
-- step days: rows
<<- if and (.Given "names") (.Given "members")>>
SELECT part, toUInt64(day) AS slot, arrayStringConcat(groupArray(concat(word1, word2, word3))) AS users
FROM (
    -- A user is 24 bytes, the highest bit of each eight set, since the server leaves out zeros at the end.
    SELECT cityHash64(_part, serverUUID()) AS part, toUInt16(toDate(ts)) AS day,
        reinterpretAsFixedString(bitOr(user_hash, toUInt64(9223372036854775808))) AS word1,
        reinterpretAsFixedString(bitOr(bitOr(toUInt64(9223372036854775808), bitShiftLeft(bitShiftRight(user_hash, 63), 62)), least(sum(toUInt64(weight)), toUInt64(4294967295)))) AS word2,
        reinterpretAsFixedString(bitOr(bitOr(toUInt64(9223372036854775808), bitShiftLeft(toUInt64(toUnixTimestamp64Milli(min(ts)) % 86400000), 27)), toUInt64(toUnixTimestamp64Milli(max(ts)) % 86400000))) AS word3
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)} AND user_hash != 0 AND _part IN {names:Array(String)}
        AND ts >= fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') AND ts <= fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC')<<if .Given "part">> AND toUInt16(toDate(ts)) % 16 = {part:Array(UInt8)}[1]<<end>>
    GROUP BY part, day, user_hash)
GROUP BY part, day
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), ''
<<- end>>
-- step cuts: rows
<<- if and (.Given "span") (.Given "members")>>
SELECT toUInt64(day) AS slot, arrayStringConcat(groupArray(concat(word1, word2, word3))) AS users
FROM (
    SELECT toUInt16(toDate(ts)) AS day,
        reinterpretAsFixedString(bitOr(user_hash, toUInt64(9223372036854775808))) AS word1,
        reinterpretAsFixedString(bitOr(bitOr(toUInt64(9223372036854775808), bitShiftLeft(bitShiftRight(user_hash, 63), 62)), least(sum(toUInt64(weight)), toUInt64(4294967295)))) AS word2,
        reinterpretAsFixedString(bitOr(bitOr(toUInt64(9223372036854775808), bitShiftLeft(toUInt64(toUnixTimestamp64Milli(min(ts)) % 86400000), 27)), toUInt64(toUnixTimestamp64Milli(max(ts)) % 86400000))) AS word3
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)} AND user_hash != 0
        AND toDate(ts) IN (toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')})) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
        AND (ts < fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC') OR ts > fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'))
    GROUP BY day, user_hash)
GROUP BY day
<<- end>>
-- step everybody: rows
<<- if .Given "members">>
SELECT uniqCombinedArrayMerge(12)(users) FROM issue_day
WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
<<- end>>
-- step who: rows
<<- if and (.Given "page") (.Given "members")>>
SELECT user_hash, x.1 AS part, x.2 AS name
FROM (
    SELECT user_hash, any((cityHash64(_part, serverUUID()), multiIf(user_id != '', user_id, user_email != '', user_email, user_name != '', user_name, user_ip))) AS x
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN {members:Array(UInt64)} AND user_hash IN {page:Array(UInt64)} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    GROUP BY user_hash)
<<- end>>
-- step result: rows
SELECT u AS user, n AS events, toDateTime64(a, 3, 'UTC') AS first_seen, toDateTime64(b, 3, 'UTC') AS last_seen,
    assumeNotNull((SELECT uniqCombinedArrayMerge(12)(users) FROM issue_day WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
        AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')}))) AS all_users
FROM (
    SELECT any(multiIf(user_id != '', user_id, user_email != '', user_email, user_name != '', user_name, user_ip)) AS u, sum(toUInt64(weight)) AS n, min(ts) AS a, max(ts) AS b
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND user_hash != 0
        AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    GROUP BY user_hash
    ORDER BY n DESC, b DESC
    LIMIT 10000)
ORDER BY events DESC, last_seen DESC, user
LIMIT least({limit:UInt32}, 10000)
