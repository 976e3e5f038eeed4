-- The stored spans of a partition before an offset, newest first.
SELECT topic_offset, project_id, trace_id, span_id
FROM spans
WHERE topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
    AND trace_id != '' AND span_id != ''
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
