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
-- cost: Narrow columns of events in the window: 20 ms a million rows, 100 ms for tags.
-- bound: 1000 rows.
SELECT value, title, n AS events, r AS rows, b AS bytes, if(all_ > 0, b / all_, 0) AS share
FROM (
    SELECT multiIf({by:String} = 'issue', <<hex (survivor "fingerprint")>>,
            {by:String} = 'sdk', concat(sdk_name, ' ', sdk_version), {by:String} = 'environment', toString(environment), {by:String} = 'release', toString(release),
            {by:String} = 'service', toString(service), {by:String} = 'protocol', toString(protocol), {by:String} = 'level', toString(level), {by:String} = 'tag', tags[{key:String}], toString(project_id)) AS value,
        if({by:String} = 'issue', any(events.title), '') AS title, sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b, sum(b) OVER () AS all_
    FROM events
    WHERE <<.Project>> AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')})
        AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    GROUP BY value)
ORDER BY bytes DESC, events DESC, value
LIMIT least({limit:UInt32}, 1000)
