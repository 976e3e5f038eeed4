-- name: where_event
-- purpose: What became of one event id, or id of a check-in: where it is stored, or why it is not.
-- param event_id UUID required: 32 hex digits, with or without dashes.
-- column outcome String: stored, twin, duplicate, filtered, rate_limited ...
-- column project_id UInt32: Project.
-- column received_at DateTime64(3, 'UTC'): When it came.
-- column protocol String: sentry, otlp, otlp_logs.
-- column category String: error, transaction ...
-- column issue String: Of a stored event.
-- column title String: Of a stored event; monitor and status of a check-in.
-- column reason String: Why, where it is not stored; why this issue, where it is.
-- column detail String: One sentence.
-- column trace_id String: Trace.
-- column twin_of UUID: Of a twin: the event that counts.
-- column place String: Table, or topic coordinates.
-- cost: Bloom filters on ids of events, spans and check-ins, the key of event_outcomes. 25 ms.
-- bound: 100 rows; fates of what is not stored are kept for 14 days.
SELECT *
FROM (
    SELECT if(weight = 0, 'twin', 'stored') AS outcome, project_id, received_at, toString(protocol) AS protocol, 'error' AS category,
        <<hex (survivor "fingerprint")>> AS issue, title, grouping_reason AS reason,
        if(weight = 0, 'Another witness of an occurrence that is counted already.', 'Stored in events and counted.') AS detail,
        trace_id, twin_of, concat('errata.events, partition ', toString(topic_partition), ', offset ', toString(topic_offset)) AS place
    FROM events
    WHERE event_id = {event_id:UUID}
    UNION ALL
    SELECT 'stored', project_id, received_at, toString(protocol), 'transaction', '', name, '', 'Stored in spans.', trace_id,
        toUUID('00000000-0000-0000-0000-000000000000'), concat('errata.spans, partition ', toString(topic_partition), ', offset ', toString(topic_offset))
    FROM spans
    WHERE spans.event_id = {event_id:UUID}
    UNION ALL
    SELECT 'stored', project_id, received_at, 'sentry', 'feedback', '', message, '', 'Stored in feedback.', trace_id,
        toUUID('00000000-0000-0000-0000-000000000000'), 'errata.feedback'
    FROM feedback
    WHERE feedback_id = {event_id:UUID}
    UNION ALL
    SELECT 'stored', project_id, received_at, 'sentry', 'monitor', '', concat(CAST(monitor, 'String'), ': ', CAST(status, 'String')), '',
        if(status IN ('missed', 'timeout'), 'Found by the store, nobody sent it.', 'Stored in check_ins.'), trace_id,
        toUUID('00000000-0000-0000-0000-000000000000'), 'errata.check_ins'
    FROM check_ins
    WHERE check_in_id = {event_id:UUID}
    UNION ALL
    SELECT CAST(outcome, 'String'), project_id, ts, toString(protocol), CAST(category, 'String'), '', '', CAST(reason, 'String'), detail, '',
        toUUID('00000000-0000-0000-0000-000000000000'), 'errata.event_outcomes'
    FROM event_outcomes
    WHERE event_id = {event_id:UUID})
ORDER BY received_at, outcome
LIMIT 100
