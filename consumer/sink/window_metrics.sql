-- The stored metric points of a partition before an offset, newest first.
SELECT topic_offset, project_id, metric_id
FROM metrics
WHERE topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
    AND metric_id != 0
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
