-- The dead letters that were sent again on a partition of a topic before an
-- offset, newest first.
SELECT topic_offset, letter
FROM replayed
WHERE topic = {topic:String} AND topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
