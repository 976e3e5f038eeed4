-- What five views cost an event is halved: rows are the same, so that the same
-- tables go on. A view that has its name, its source and its target takes a
-- block that was sent before for the same block; one with another name would
-- count it again.
--
-- A replaced view and the new one are both fed for a moment, so nothing may come
-- in meanwhile: the table says that it has too many parts, and who inserts tries
-- again.
ALTER TABLE {{local "events"}}{{onCluster}} MODIFY SETTING max_parts_in_total = 0;

-- The texts of a tag are found by a number: groups of texts are four times as
-- dear. The project and the issue stay keys, so that nobody can make two numbers
-- meet beyond an issue of his own.
{{replaceMaterialized "issue_tag_mv" "issue_tag"}}
SELECT project_id, fingerprint, any(k) AS key, day, any(v) AS value, sum(w) AS events, max(at) AS last_seen
FROM (
    SELECT project_id, fingerprint, toDate(ts) AS day, toUInt64(weight) AS w, toDateTime(ts, 'UTC') AS at,
        arrayConcat(['environment', 'release', 'level', 'server_name', 'transaction', 'service'], mapKeys(tags)) AS names,
        arrayConcat([toString(environment), toString(release), toString(level), toString(server_name), toString(transaction), toString(service)], mapValues(tags)) AS texts,
        arrayEnumerate(texts) AS places
    FROM {{local "events"}}
    WHERE weight > 0)
ARRAY JOIN names AS k, texts AS v, places AS place
WHERE (place <= 6 OR k NOT IN ('environment', 'release', 'level', 'server_name', 'transaction', 'service')) AND v != '' AND length(v) <= 200
GROUP BY project_id, fingerprint, day, cityHash64(k, v){{replaced}};

{{replaceMaterialized "project_tag_mv" "project_tag"}}
SELECT project_id, any(t.key) AS key, day, any(t.value) AS value, sum(t.events) AS events
FROM {{local "issue_tag"}} AS t
GROUP BY project_id, day, cityHash64(t.key, t.value){{replaced}};

{{replaceMaterialized "tag_trend_mv" "tag_trend"}}
SELECT project_id, any(k) AS key, slot, any(env) AS environment, any(v) AS value, sum(w) AS events
FROM (
    SELECT project_id, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment AS env, toUInt64(weight) AS w,
        arrayPushBack(mapKeys(tags), '') AS names, arrayPushBack(mapValues(tags), '') AS texts
    FROM {{local "events"}})
ARRAY JOIN names AS k, texts AS v
WHERE v != '' OR k = ''
GROUP BY project_id, slot, cityHash64(env, k, v){{replaced}};

{{replaceMaterialized "tag_size_mv" "tag_trend"}}
SELECT project_id, any(k) AS key, slot, any(env) AS environment, any(v) AS value, count() AS stored, sum(b) AS bytes
FROM (
    SELECT project_id, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment AS env, toUInt64(payload_bytes) AS b,
        arrayPushBack(mapKeys(tags), '') AS names, arrayPushBack(mapValues(tags), '') AS texts
    FROM {{local "events"}})
ARRAY JOIN names AS k, texts AS v
WHERE v != '' OR k = ''
GROUP BY project_id, slot, cityHash64(env, k, v){{replaced}};

-- Issues are counted beside the other dimensions and not by each of them.
{{replaceMaterialized "stored_size_mv" "stored_size"}}
SELECT project_id, part.1 AS kind, part.2 AS slot, part.3 AS value, part.4 AS fingerprint, sum(n) AS events, sum(r) AS stored, sum(b) AS bytes
FROM (
    SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, fingerprint AS print, protocol, level, environment, release, service, sdk_name, sdk_version,
        grouping(print) AS of_issue, sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b
    FROM {{local "events"}}
    GROUP BY GROUPING SETS ((project_id, hour, print), (project_id, minute, protocol, level, environment, release, service, sdk_name, sdk_version)))
ARRAY JOIN if(of_issue = 0, [('issue', hour, '', print)],
    [('protocol', minute, toString(protocol), toUInt64(0)), ('level', toStartOfHour(minute), toString(level), 0), ('environment', toStartOfHour(minute), CAST(environment, 'String'), 0),
    ('release', toStartOfHour(minute), CAST(release, 'String'), 0), ('service', toStartOfHour(minute), CAST(service, 'String'), 0),
    ('sdk', toStartOfHour(minute), concat(sdk_name, ' ', sdk_version), 0)]) AS part
GROUP BY project_id, kind, slot, value, fingerprint{{replaced}};

-- Hardly a trace has two events in a block: merges group them.
{{replaceMaterialized "trace_events_mv" "trace_index"}}
SELECT trace_id, project_id, toDate(ts) AS day, ts AS min_ts, ts AS max_ts, toUInt64(weight) AS errors, toUInt64(0) AS spans, toUInt64(0) AS logs,
    if(service = '', [], [CAST(service, 'String')]) AS services, [fingerprint] AS issues
FROM {{local "events"}}
WHERE trace_id != ''{{replaced}};

-- The newest event is found by one number and its texts one by one: whole tuples
-- were copied for each event that is newer than the one before.
{{replaceMaterialized "issue_rollup_mv" "issue_rollup"}}
SELECT project_id, fingerprint, first_seen, last_seen, n AS events, level_max, handled_max, protocols, environments, users,
    initializeAggregation('argMaxState', CAST((l_title, l_culprit, l_type, l_platform, l_service, l_release, l_event, l_trace), 'Tuple(title String, culprit String, type String, platform String, service String, release String, event_id UUID, trace_id String)'),
        (toUInt8(newest > 0), fromUnixTimestamp64Milli(if(newest > 0, newest - 4000000000000000000, newest + 4000000000000000000), 'UTC'))) AS last,
    initializeAggregation('argMinState', CAST((f_release, f_event), 'Tuple(release String, event_id UUID)'), first_seen) AS first
FROM (
    WITH toUnixTimestamp64Milli(ts) + if(weight > 0 AND payload != '', 4000000000000000000, -4000000000000000000) AS age
    SELECT project_id, fingerprint, min(ts) AS first_seen, max(ts) AS last_seen, sum(toUInt64(weight)) AS n,
        max(level) AS level_max, max(toUInt8(handled)) AS handled_max,
        groupBitOr(multiIf(protocol = 'sentry', toUInt8(1), protocol = 'unknown', toUInt8(0), toUInt8(2))) AS protocols,
        groupUniqArray(CAST(environment, 'String')) AS environments,
        uniqCombinedArrayState(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users,
        max(age) AS newest, argMax(title, age) AS l_title, argMax(culprit, age) AS l_culprit, argMax(exception_type, age) AS l_type, argMax(platform, age) AS l_platform,
        argMax(service, age) AS l_service, argMax(release, age) AS l_release, argMax(event_id, age) AS l_event, argMax(trace_id, age) AS l_trace,
        argMin(release, ts) AS f_release, argMin(event_id, ts) AS f_event
    FROM {{local "events"}}
    GROUP BY project_id, fingerprint){{replaced}};

ALTER TABLE {{local "events"}}{{onCluster}} RESET SETTING max_parts_in_total;
