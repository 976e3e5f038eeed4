-- name: check_counts
-- purpose: Compares every rollup with the raw rows that it was made from. A difference is a defect of the store.
-- user: errata
-- param project UInt32 = 0: Project id; 0 for all.
-- column project_id UInt32: Project.
-- column rollup String: Table.
-- column measure String: What is counted; recent events are those of days that nothing has expired of yet, which agree to the event or differ.
-- column expected UInt64: From raw rows.
-- column actual UInt64: From the rollup.
-- column difference Int64: actual minus expected.
-- column verdict String: ok, differs, or expired where raw rows are gone by their retention and the rollup still counts them, or the other way round: rollups by hour, minute and tag keep 90 days, by day 400.
-- cost: Reads narrow columns of all rows: 1 s for 20 million events.
-- bound: One row a project and rollup.
-- A server lets days go by its own time zone, which may be ahead of UTC.
WITH
    (SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), max(r.since)) FROM rollup_since AS r WHERE r.rollup = 'tag_trend') AS since,
    (SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), max(r.since)) FROM rollup_since AS r WHERE r.rollup = 'stored_size') AS sized_since,
    (SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), max(r.since)) FROM rollup_since AS r WHERE r.rollup = 'received_delay') AS delay_since,
    (SELECT if(count() = 0, toDate('2100-01-01'), greatest(toDate(max(r.since) + INTERVAL 86399 SECOND), greatest(today(), toDate(now('UTC'))) - 89)) FROM rollup_since AS r WHERE r.rollup = 'tag_issue') AS days_since,
    raw AS (
        SELECT project_id, sum(toUInt64(weight)) AS n, sumIf(toUInt64(weight), ts >= since) AS tagged, sumIf(toUInt64(weight), ts >= sized_since) AS sized, sumIf(toUInt64(payload_bytes), ts >= sized_since) AS size, countIf(ts >= delay_since) AS timed, sumIf(toUInt64(weight), release != '') AS released, sumIf(toUInt64(weight), trace_id != '') AS traced,
            uniqExactArray(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS people, min(ts) AS oldest, min(retention_days) AS days, uniqExact(fingerprint) AS issues
        FROM events WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id),
    rolled AS (
        SELECT project_id, sum(events) AS n, count() AS issues, min(born) AS oldest FROM (
            SELECT project_id, fingerprint, sum(r.events) AS events, min(r.first_seen) AS born FROM issue_rollup AS r WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id, fingerprint)
        GROUP BY project_id),
    -- Rows may be gone that are older than the shortest retention which a project has, or which rows of it still tell of.
    expiry AS (
        SELECT project_id, now64(3) - toIntervalDay(min(days)) AS at FROM (
            SELECT id AS project_id, toUInt32(argMax(p.retention_days, p.updated_at)) AS days FROM projects AS p GROUP BY id
            UNION ALL SELECT project_id, toUInt32(days) FROM raw
            UNION ALL SELECT project_id, toUInt32(min(retention_days)) FROM spans WHERE <<.Project>> GROUP BY project_id
            UNION ALL SELECT project_id, toUInt32(min(retention_days)) FROM logs WHERE <<.Project>> GROUP BY project_id)
        WHERE days > 0 GROUP BY project_id),
    recent AS (
        SELECT d.project_id AS project_id, d.rollup AS rollup, sum(d.e) AS e, sum(d.a) AS a
        FROM (
            SELECT project_id, arrayJoin(['issue_hour', 'issue_day', 'project_minute', 'project_tag']) AS rollup, toDate(ts) AS on, sum(toUInt64(weight)) AS e, toUInt64(0) AS a FROM events WHERE <<.Project>> GROUP BY project_id, on
            UNION ALL SELECT project_id, 'issue_hour', toDate(hour, 'UTC') AS on, toUInt64(0), sum(events) FROM issue_hour WHERE <<.Project>> GROUP BY project_id, on
            UNION ALL SELECT project_id, 'issue_day', day AS on, toUInt64(0), sum(events) FROM issue_day WHERE <<.Project>> GROUP BY project_id, on
            UNION ALL SELECT project_id, 'project_minute', toDate(minute, 'UTC') AS on, toUInt64(0), sum(events) FROM project_minute WHERE <<.Project>> GROUP BY project_id, on
            UNION ALL SELECT project_id, 'project_tag', day AS on, toUInt64(0), sum(events) FROM project_tag WHERE key = 'level' AND <<.Project>> GROUP BY project_id, on) AS d
        INNER JOIN expiry AS x ON x.project_id = d.project_id
        WHERE d.on > greatest(toDate(x.at), toDate(now('UTC') - INTERVAL 89 DAY))
        GROUP BY project_id, rollup),
    begun AS (
        SELECT project_id, min(at) AS oldest FROM (
            SELECT project_id, oldest AS at FROM rolled
            UNION ALL SELECT project_id, min(min_ts) FROM trace_index WHERE <<.Project>> GROUP BY project_id)
        GROUP BY project_id)
SELECT c.project_id AS project_id, c.rollup AS rollup, c.measure AS measure, c.expected AS expected, c.actual AS actual, toInt64(c.actual) - toInt64(c.expected) AS difference,
    multiIf(c.measure = 'recent events' AND difference != 0, 'differs', difference = 0 OR c.measure = 'users' AND abs(difference) <= greatest(2, c.expected * 0.065), 'ok', difference > 0 AND (o.oldest < r.oldest OR b.oldest > toDateTime64(0, 3, 'UTC') AND b.oldest < x.at)
            OR difference < 0 AND c.rollup IN ('issue_hour', 'project_minute', 'issue_tag', 'project_tag', 'tag_trend', 'stored_size', 'received_delay', 'trace_index') AND toDate(r.oldest) <= greatest(today(), toDate(now('UTC'))) - 90
            OR difference < 0 AND c.rollup = 'issue_day' AND toDate(r.oldest) <= greatest(today(), toDate(now('UTC'))) - 400, 'expired', 'differs') AS verdict
FROM (
    SELECT project_id, rollup, measure, sum(e) AS expected, sum(a) AS actual
    FROM (
        SELECT project_id, pair.1 AS rollup, pair.2 AS measure, pair.3 AS e, toUInt64(0) AS a
        FROM raw ARRAY JOIN [('issue_rollup', 'events', n), ('issue_rollup', 'issues', issues), ('issue_rollup', 'users', people), ('issues', 'events', n), ('issue_hour', 'events', n), ('issue_day', 'events', n),
            ('project_minute', 'events', n), ('issue_release', 'events', released), ('release_rollup', 'events', released), ('issue_tag', 'events', n), ('project_tag', 'events', n), ('tag_trend', 'events', tagged), ('tag_trend', 'bytes', size), ('stored_size', 'events', sized), ('stored_size', 'bytes', size), ('received_delay', 'rows', timed), ('trace_index', 'errors', traced)] AS pair
        UNION ALL
        SELECT project_id, 'issue_rollup', 'events', toUInt64(0), n FROM rolled
        UNION ALL
        SELECT project_id, 'issue_rollup', 'issues', toUInt64(0), issues FROM rolled
        UNION ALL
        SELECT project_id, 'issue_rollup', 'users', toUInt64(0), uniqCombinedArrayMerge(12)(users) FROM issue_rollup WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'issues', 'events', toUInt64(0), sum(i.events) FROM issues AS i WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'issue_hour', 'events', toUInt64(0), sum(events) FROM issue_hour WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'issue_day', 'events', toUInt64(0), sum(events) FROM issue_day WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'project_minute', 'events', toUInt64(0), sum(events) FROM project_minute WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'issue_release', 'events', toUInt64(0), sum(events) FROM issue_release WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'release_rollup', 'events', toUInt64(0), sum(events) FROM release_rollup WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'issue_tag', 'events', toUInt64(0), sum(events) FROM issue_tag WHERE key = 'level' AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'tag_issue', 'days of levels', count(), toUInt64(0) FROM (SELECT project_id FROM issue_tag WHERE key = 'level' AND day >= days_since AND <<.Project>> GROUP BY project_id, fingerprint, value, day HAVING sum(events) > 0) GROUP BY project_id
        UNION ALL
        SELECT project_id, 'tag_issue', 'days of levels', toUInt64(0), count() FROM (SELECT DISTINCT project_id, tag, fingerprint, month + bit AS day FROM tag_issue ARRAY JOIN bitPositionsToArray(days) AS bit
            WHERE tag IN (SELECT cityHash64('level', arrayJoin(['unspecified', 'debug', 'info', 'warning', 'error', 'fatal']))) AND <<.Project>>) WHERE day >= days_since GROUP BY project_id
        UNION ALL
        SELECT project_id, 'project_tag', 'events', toUInt64(0), sum(events) FROM project_tag WHERE key = 'level' AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'tag_trend', 'events', toUInt64(0), sum(events) FROM tag_trend WHERE key = '' AND value = '' AND slot >= since AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'tag_trend', 'bytes', toUInt64(0), sum(bytes) FROM tag_trend WHERE key = '' AND value = '' AND slot >= sized_since AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'stored_size', 'events', toUInt64(0), sum(events) FROM stored_size WHERE kind = 'issue' AND slot >= sized_since AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'stored_size', 'bytes', toUInt64(0), sum(bytes) FROM stored_size WHERE kind = 'protocol' AND slot >= sized_since AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'received_delay', 'rows', toUInt64(0), sum(received_delay.stored) FROM received_delay WHERE slot >= delay_since AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'trace_index', 'errors', toUInt64(0), sum(errors) FROM trace_index WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'trace_index', 'spans', toUInt64(0), sum(trace_index.spans) FROM trace_index WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'trace_index', 'spans', count(), toUInt64(0) FROM spans WHERE trace_id != '' AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'trace_index', 'logs', toUInt64(0), sum(trace_index.logs) FROM trace_index WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'trace_index', 'logs', count(), toUInt64(0) FROM logs WHERE trace_id != '' AND <<.Project>> GROUP BY project_id
        UNION ALL
        SELECT project_id, 'segment_hour', 'segments', toUInt64(0), sum(segments) FROM segment_hour WHERE {project:UInt32} = 0 OR project_id = {project:UInt32} GROUP BY project_id
        UNION ALL
        SELECT project_id, 'segment_hour', 'segments', count(), toUInt64(0) FROM spans WHERE is_segment AND <<.Project>> GROUP BY project_id)
    GROUP BY project_id, rollup, measure
    UNION ALL
    SELECT project_id, rollup, 'recent events', e, a FROM recent) AS c
LEFT JOIN raw AS r ON r.project_id = c.project_id
LEFT JOIN rolled AS o ON o.project_id = c.project_id
LEFT JOIN expiry AS x ON x.project_id = c.project_id
LEFT JOIN begun AS b ON b.project_id = c.project_id
ORDER BY project_id, rollup, measure
