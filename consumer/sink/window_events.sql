-- The ids of the stored events of a partition before an offset, newest first.
SELECT topic_offset, project_id, event_id
FROM events
WHERE topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
    AND event_id != toUUID('00000000-0000-0000-0000-000000000000')
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
