-- The stored log records of a partition before an offset, newest first.
SELECT topic_offset, project_id, log_id
FROM logs
WHERE topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
    AND log_id != toUUID('00000000-0000-0000-0000-000000000000')
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
