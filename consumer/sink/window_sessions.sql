-- The stored updates of single sessions of a partition before an offset,
-- newest first. Buckets have no id and are not among them.
SELECT topic_offset, project_id, session_id, seq, toUnixTimestamp64Milli(ts) AS millis, toUInt8(status) AS state, init
FROM sessions
WHERE topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
    AND session_id != toUUID('00000000-0000-0000-0000-000000000000')
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
