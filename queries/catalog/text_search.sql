-- name: text_search
-- purpose: Events whose title or message holds all these words, newest first.
-- param project UInt32 required: Project id.
-- param text String required: Words; letters and digits count, case does not; of letters other than A to Z it may be small, capital, or capital in front.
-- param from DateTime64 = -14d: Start.
-- param to DateTime64 = now: End.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column event_id UUID: Id.
-- column issue String: 16 hex digits.
-- column ts DateTime64(3, 'UTC'): When it happened.
-- column title String: Type and value.
-- column message String: Message.
-- column environment String: Environment.
-- column release String: Release.
-- column trace_id String: Trace.
-- cost: The text index of events, of the last day first. 20 ms.
-- bound: 1000 rows; the window's days of one project.
SELECT event_id, <<hex (survivor "fingerprint")>> AS issue, ts, title, message,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, trace_id
FROM events
WHERE project_id = {project:UInt32} AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    AND <<if .Given "text">><<.HasWords>><<else>>0<<end>>
ORDER BY ts DESC, event_id
LIMIT least({limit:UInt32}, 1000)
