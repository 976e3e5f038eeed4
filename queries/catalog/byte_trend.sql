-- name: byte_trend
-- purpose: Bytes of stored payloads over time, by protocol; of whole minutes.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -24h: Start.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_seconds UInt32 = 3600: Width of a bucket.
-- column project_id UInt32: Project.
-- column time DateTime('UTC'): Start of the bucket.
-- column protocol String: sentry, otlp, otlp_logs.
-- column bytes UInt64: Bytes before compression.
-- cost: stored_size of the window by minute: 10 ms a week. Buckets under a minute, and the time before the rollup came: events, 40 ms a million.
-- bound: 10,000 rows, the newest; the days of the window.
<<if .Minutely>>WITH <<.FirstSlot "stored_size by minute">><<end>>
SELECT *
FROM (
    SELECT project_id, time, protocol, sum(b) AS bytes
    FROM (
        <<- if .Minutely>>
        SELECT project_id, toStartOfInterval(slot, toIntervalSecond({bucket_seconds:UInt32}), 'UTC') AS time, value AS protocol, sum(s.bytes) AS b
        FROM stored_size AS s
        WHERE <<.Projects>> AND kind = 'protocol' AND slot >= first_slot AND slot <= {to:DateTime64(3, 'UTC')}
        GROUP BY project_id, time, protocol
        UNION ALL
        <<- end>>
        SELECT e.project_id AS project_id, toStartOfInterval(toDateTime(e.ts, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 1)), 'UTC') AS time, toString(e.protocol) AS protocol, sum(toUInt64(e.payload_bytes)) AS b
        FROM events AS e
        WHERE <<.Projects>> AND <<if .Minutely>><<.BeforeSlots 60>><<else>><<.Window>><<end>>
        GROUP BY project_id, time, protocol)
    GROUP BY project_id, time, protocol
    ORDER BY time DESC, project_id, protocol
    LIMIT 10000)
ORDER BY time, project_id, protocol
