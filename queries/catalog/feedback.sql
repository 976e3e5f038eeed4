-- name: feedback
-- purpose: What users wrote, newest first, with the issue that it is about.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -30d: Start.
-- param to DateTime64 = now: End.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column ts DateTime64(3, 'UTC'): When.
-- column name String: Who.
-- column email String: Who.
-- column message String: Text.
-- column url String: Where.
-- column release String: Release.
-- column event_id UUID: The event that it is about; zero where none.
-- column issue String: Of that event; empty where none is stored.
-- column trace_id String: Trace.
-- cost: feedback of the window, then the bloom filter on event_id of events. 30 ms.
-- bound: 1000 rows.
-- step page: ids Array(UUID)
SELECT event_id
FROM (SELECT event_id FROM feedback WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')} ORDER BY ts DESC, feedback_id LIMIT least({limit:UInt32}, 1000))
WHERE event_id != toUUID('00000000-0000-0000-0000-000000000000')
-- step result: rows
SELECT f.ts AS ts, f.name AS name, f.email AS email, f.message AS message, f.url AS url, CAST(f.release, 'String') AS release, f.event_id AS event_id, e.issue AS issue, f.trace_id AS trace_id
FROM (SELECT * FROM feedback WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}) AS f
LEFT JOIN (
    SELECT event_id, any(<<hex (survivor "fingerprint")>>) AS issue FROM events
    WHERE project_id = {project:UInt32} AND event_id IN {ids:Array(UUID)} GROUP BY event_id) AS e ON e.event_id = f.event_id
ORDER BY ts DESC, f.feedback_id
LIMIT least({limit:UInt32}, 1000)
