-- name: option_values
-- purpose: Values of a tag or dimension, most frequent first: what filters and variables offer.
-- param projects String: Project ids with commas between; empty for all.
-- param key String required: Tag, or environment, release, level, server_name, transaction, service.
-- param from DateTime64 = -30d: Start, in whole days.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param text String: Part of the value.
-- param limit UInt32 = 500: Rows, at most 5000.
-- column value String: The value.
-- column events UInt64: Events that carry it.
-- cost: One key of project_tag. 5 ms; never the table of events.
-- bound: 5000 rows.
SELECT value, sum(n) AS events
FROM (
    SELECT value, sum(events) AS n
    FROM project_tag
    WHERE <<.Projects>> AND key = {key:String} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
        AND ({text:String} = '' OR positionCaseInsensitiveUTF8(value, {text:String}) > 0)
    GROUP BY value
    UNION ALL
    SELECT multiIf({key:String} = 'service', CAST(service, 'String'), {key:String} = 'environment', CAST(environment, 'String'), CAST(release, 'String')) AS value, 0 AS n
    FROM segment_hour
    WHERE {key:String} IN ('service', 'environment', 'release') AND <<.Projects>> AND hour >= toDateTime(toDate({from:DateTime64(3, 'UTC')}), 'UTC') AND hour <= {to:DateTime64(3, 'UTC')}
        AND value != '' AND ({text:String} = '' OR positionCaseInsensitiveUTF8(value, {text:String}) > 0)
    GROUP BY value)
GROUP BY value
ORDER BY events DESC, value
LIMIT least({limit:UInt32}, 5000)
