-- The stored events of a partition before an offset that may have further
-- witnesses, newest first: what twins are decided from. Flood rows have none.
SELECT
    topic_offset, project_id, event_id, twin_of, fingerprint, main_hash, toUInt8(protocol) AS kind, toUnixTimestamp64Milli(ts) AS millis,
    trace_id, span_id, outer_span_id, CAST(exception_type, 'String') AS type, exception_value, message,
    CAST(server_name, 'String') AS server, CAST(transaction, 'String') AS place, tags['pid'] AS pid,
    CAST(frames_function, 'Array(String)') AS functions, CAST(frames_file, 'Array(String)') AS files, frames_line, frames_in_app
FROM events
WHERE topic_partition = {partition:UInt16} AND topic_offset >= {low:Int64} AND topic_offset < {high:Int64}
    AND weight <= 1 AND (trace_id != '' OR mapContains(tags, 'pid'))
ORDER BY topic_offset DESC
LIMIT {rows:UInt64} WITH TIES
