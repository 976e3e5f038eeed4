-- name: cost
-- purpose: What takes the space: bytes as received, by issue, SDK, tag value or any dimension.
-- param project UInt32 = 0: Project id; 0 for all.
-- param by String = issue of issue,sdk,environment,release,service,protocol,level,project,tag: Dimension.
-- param key String: Of by=tag: which tag.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column value String: Value of the dimension; an issue as 16 hex digits.
-- column title String: Of an issue.
-- column events UInt64: Events.
-- column rows UInt64: Rows, twins included.
-- column bytes UInt64: As received, before trimming and compression.
-- column share Float64: Of all bytes, from 0 to 1.
-- cost: Time, weight, bytes and the one column of events in the window: 20 ms a million rows, 100 ms for tags; titles of what is shown from issue_rollup.
-- bound: 1000 rows.
-- step page: keys Array(UInt64), counts Array(UInt64), lines Array(UInt64), sizes Array(UInt64), everything Array(UInt64)
<<- if .Is "by" "issue">>
SELECT survivor, sum(n) AS n_, sum(r) AS r_, sum(b) AS b_, sum(b_) OVER () AS all_
FROM (
    SELECT <<survivor "fingerprint">> AS survivor, n, r, b
    FROM (
        SELECT project_id, fingerprint, sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b
        FROM events
        WHERE <<.Project>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
            AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
        GROUP BY project_id, fingerprint))
GROUP BY survivor
ORDER BY b_ DESC, n_ DESC, survivor
LIMIT least({limit:UInt32}, 1000)
<<- end>>
-- step result: rows
<<- if .Is "by" "issue">>
SELECT <<hex "k">> AS value, t.title AS title, n AS events, r AS rows, b AS bytes, if({everything:Array(UInt64)}[1] > 0, b / {everything:Array(UInt64)}[1], 0) AS share
FROM (SELECT arrayJoin(arrayZip({keys:Array(UInt64)}, {counts:Array(UInt64)}, {lines:Array(UInt64)}, {sizes:Array(UInt64)})) AS one, one.1 AS k, one.2 AS n, one.3 AS r, one.4 AS b) AS p
LEFT JOIN (
    SELECT <<survivor "fingerprint">> AS survivor, argMaxMerge(last).1 AS title
    FROM issue_rollup
    WHERE <<.Project>> AND fingerprint IN (SELECT arrayJoin({keys:Array(UInt64)}) UNION ALL SELECT fingerprint FROM issue_of WHERE has({keys:Array(UInt64)}, survivor))
    GROUP BY survivor) AS t ON t.survivor = p.k
ORDER BY bytes DESC, events DESC, value
<<- else>>
SELECT value, '' AS title, n AS events, r AS rows, b AS bytes, if(all_ > 0, b / all_, 0) AS share
FROM (
    SELECT toString(part) AS value, sum(weight_) AS n, sum(rows_) AS r, sum(bytes_) AS b, sum(b) OVER () AS all_
    FROM (
        SELECT <<if .Is "by" "sdk">>concat(sdk_name, ' ', sdk_version)<<else if .Is "by" "tag">>tags[{key:String}]<<else if .Is "by" "environment" "release" "service" "protocol" "level" "project">><<.Column>><<else>>''<<end>> AS part, sum(toUInt64(weight)) AS weight_, count() AS rows_, sum(toUInt64(payload_bytes)) AS bytes_
        FROM events
        WHERE <<.Project>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
            AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
        GROUP BY part)
    GROUP BY value)
ORDER BY bytes DESC, events DESC, value
LIMIT least({limit:UInt32}, 1000)
<<- end>>
