-- name: attachments
-- purpose: Files that came with an event.
-- param event_id UUID required: 32 hex digits, with or without dashes.
-- param project UInt32 = 0: Project id; 0 for all.
-- column name String: File name.
-- column type String: Attachment type.
-- column content_type String: Media type.
-- column item_type String: attachment, minidump, profile ...
-- column size UInt64: Bytes.
-- column key String: In the blob store; empty where the body was not kept.
-- column ts DateTime64(3, 'UTC'): When it came.
-- cost: The key of attachments within a project, all granules without one. 10 ms.
-- bound: 1000 rows.
SELECT name, CAST(type, 'String') AS type, CAST(content_type, 'String') AS content_type, CAST(item_type, 'String') AS item_type, size, key, ts
FROM attachments
WHERE <<.Project>> AND event_id = {event_id:UUID}
ORDER BY name, ts
LIMIT 1000
