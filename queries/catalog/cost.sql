-- name: cost
-- purpose: What takes the space: bytes as received, by issue, SDK, tag value or any dimension. A window over six hours counts whole hours, as lists of issues do.
-- param project UInt32 = 0: Project id; 0 for all.
-- param by String = issue of issue,sdk,environment,release,service,protocol,level,project,tag: Dimension.
-- param key String: Of by=tag: the key of the tag, such as plan.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column value String: Value of the dimension; an issue as 16 hex digits.
-- column title String: Of an issue.
-- column events UInt64: Events.
-- column rows UInt64: Rows, twins included.
-- column bytes UInt64: As received, before trimming and compression.
-- column share Float64: Of all bytes, from 0 to 1.
-- column project_id UInt32: Of an issue, its project; 0 for other dimensions.
-- cost: stored_size of the window, of tags tag_trend: 30 ms a week. Events of a window up to six hours and of the time before the rollups came: 20 ms a million rows, 100 ms for tags. Titles of what is shown from issue_rollup.
-- bound: 1000 rows.
-- step page: keys Array(UInt64), counts Array(UInt64), lines Array(UInt64), sizes Array(UInt64), everything Array(UInt64), homes Array(UInt64)
<<- if .Is "by" "issue">>
<<if not (.Within 6)>>WITH <<.FirstSlot "stored_size">><<end>>
SELECT survivor, sum(n) AS n_, sum(r) AS r_, sum(b) AS b_, sum(b_) OVER () AS all_, toUInt64(project_id) AS home_
FROM (
    SELECT project_id, <<survivor "fingerprint">> AS survivor, n, r, b
    FROM (
        <<- if not (.Within 6)>>
        SELECT project_id, fingerprint, sum(events) AS n, sum(stored) AS r, sum(bytes) AS b
        FROM stored_size
        WHERE <<.Project>> AND kind = 'issue' AND slot >= first_slot AND slot <= {to:DateTime64(3, 'UTC')}
        GROUP BY project_id, fingerprint
        UNION ALL
        <<- end>>
        SELECT project_id, fingerprint, sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b
        FROM events
        WHERE <<.Project>> AND <<if .Within 6>><<.Window>><<else>><<.BeforeSlots 3600>><<end>>
        GROUP BY project_id, fingerprint))
GROUP BY project_id, survivor
HAVING r_ > 0
ORDER BY b_ DESC, n_ DESC, survivor, project_id
LIMIT least({limit:UInt32}, 1000)
<<- end>>
-- step result: rows
<<- if .Is "by" "issue">>
SELECT <<hex "k">> AS value, t.title AS title, n AS events, r AS rows, b AS bytes, if({everything:Array(UInt64)}[1] > 0, b / {everything:Array(UInt64)}[1], 0) AS share, toUInt32(p.home) AS project_id
FROM (SELECT arrayJoin(arrayZip({keys:Array(UInt64)}, {counts:Array(UInt64)}, {lines:Array(UInt64)}, {sizes:Array(UInt64)}, {homes:Array(UInt64)})) AS one, one.1 AS k, one.2 AS n, one.3 AS r, one.4 AS b, one.5 AS home) AS p
LEFT JOIN (
    SELECT project_id, <<survivor "fingerprint">> AS survivor, argMaxMerge(last).1 AS title
    FROM issue_rollup
    WHERE <<.Project>> AND fingerprint IN (SELECT arrayJoin({keys:Array(UInt64)}) UNION ALL SELECT fingerprint FROM issue_of WHERE has({keys:Array(UInt64)}, survivor))
    GROUP BY project_id, survivor) AS t ON t.survivor = p.k AND t.project_id = p.home
ORDER BY bytes DESC, events DESC, value, project_id
<<- else>>
<<if not (.Within 6)>>WITH <<if .Is "by" "tag">><<.FirstSlot "tag_trend.bytes">><<else>><<.FirstSlot "stored_size">><<end>><<end>>
SELECT value, '' AS title, toUInt64(n) AS events, toUInt64(r) AS rows, toUInt64(b) AS bytes, if(all_ > 0, b / all_, 0) AS share, toUInt32(0) AS project_id
FROM (
    SELECT part AS value, sum(weight_) AS n, sum(rows_) AS r, sum(bytes_) AS b, sum(b) OVER () AS all_
    FROM (
        <<- if not (.Within 6)>><<if .Is "by" "tag">>
        SELECT pair.1 AS part, sum(pair.2) AS weight_, sum(pair.3) AS rows_, sum(pair.4) AS bytes_
        FROM tag_trend AS t
        ARRAY JOIN if(key = '', [('', toInt64(t.events), toInt64(t.stored), toInt64(t.bytes))],
            [(value, toInt64(t.events), toInt64(t.stored), toInt64(t.bytes)), ('', -toInt64(t.events), -toInt64(t.stored), -toInt64(t.bytes))]) AS pair
        WHERE <<.Project>> AND (key = '' AND value = '' OR key = {key:String} AND value != '') AND slot >= first_slot AND slot < toStartOfHour({to:DateTime64(3, 'UTC')}) + INTERVAL 1 HOUR
        GROUP BY part
        <<- else>>
        SELECT <<if .Is "by" "project">>toString(project_id)<<else>>value<<end>> AS part, toInt64(sum(s.events)) AS weight_, toInt64(sum(s.stored)) AS rows_, toInt64(sum(s.bytes)) AS bytes_
        FROM stored_size AS s
        WHERE <<.Project>> AND kind = <<if .Is "by" "project">>'level'<<else if .Is "by" "protocol">>'protocol'<<else>>{by:String}<<end>> AND slot >= first_slot AND slot < toStartOfHour({to:DateTime64(3, 'UTC')}) + INTERVAL 1 HOUR
        GROUP BY part
        <<- end>>
        UNION ALL
        <<- end>>
        SELECT toString(<<if .Is "by" "sdk">>concat(sdk_name, ' ', sdk_version)<<else if .Is "by" "tag">>tags[{key:String}]<<else if .Is "by" "environment" "release" "service" "protocol" "level" "project">><<.Column>><<else>>''<<end>>) AS part,
            toInt64(sum(toUInt64(weight))) AS weight_, toInt64(count()) AS rows_, toInt64(sum(toUInt64(payload_bytes))) AS bytes_
        FROM events
        WHERE <<.Project>> AND <<if .Within 6>><<.Window>><<else>><<.BeforeSlots 3600>><<end>>
        GROUP BY part)
    GROUP BY value
    HAVING r > 0)
ORDER BY bytes DESC, events DESC, value
LIMIT least({limit:UInt32}, 1000)
<<- end>>
