-- Where everything with a trace id is. One table, fed by events, spans and logs.
{{create "trace_index"}}
(
    trace_id   String COMMENT 'As in events, spans and logs; never empty.' CODEC(ZSTD(1)),
    project_id UInt32 COMMENT 'As in events, spans and logs.' CODEC(ZSTD(1)),
    day        Date COMMENT 'Day of ts.' CODEC(ZSTD(1)),
    min_ts     SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest time of all three.' CODEC(ZSTD(1)),
    max_ts     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest time, ends of spans included.' CODEC(ZSTD(1)),
    errors     SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight) of events.' CODEC(T64, ZSTD(1)),
    spans      SimpleAggregateFunction(sum, UInt64) COMMENT 'Spans.' CODEC(T64, ZSTD(1)),
    logs       SimpleAggregateFunction(sum, UInt64) COMMENT 'Log records.' CODEC(T64, ZSTD(1)),
    services   SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Services of all three.' CODEC(ZSTD(1)),
    issues     SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)) COMMENT 'Fingerprints of events.' CODEC(ZSTD(1)),
    roots      SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Names of root spans.' CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree" "trace_index"}}
PARTITION BY toMonday(day)
ORDER BY (trace_id, project_id, day)
TTL day + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, {{dedup}};

{{materialized "trace_events_mv" "trace_index"}}
SELECT trace_id, project_id, toDate(ts) AS day, min(ts) AS min_ts, max(ts) AS max_ts,
    sum(toUInt64(weight)) AS errors, toUInt64(0) AS spans, toUInt64(0) AS logs,
    groupUniqArrayIf(CAST(service, 'String'), service != '') AS services, groupUniqArray(fingerprint) AS issues
FROM {{local "events"}}
WHERE trace_id != ''
GROUP BY trace_id, project_id, day;

{{materialized "trace_spans_mv" "trace_index"}}
SELECT trace_id, project_id, toDate(ts) AS day,
    min(toDateTime64(ts, 3, 'UTC')) AS min_ts, max(toDateTime64(ts + toIntervalMicrosecond(duration_us), 3, 'UTC')) AS max_ts,
    toUInt64(0) AS errors, count() AS spans, toUInt64(0) AS logs,
    groupUniqArrayIf(CAST(service, 'String'), service != '') AS services, groupUniqArrayIf(name, parent_span_id = '') AS roots
FROM {{local "spans"}}
WHERE trace_id != ''
GROUP BY trace_id, project_id, day;

{{materialized "trace_logs_mv" "trace_index"}}
SELECT trace_id, project_id, toDate(ts) AS day,
    min(toDateTime64(ts, 3, 'UTC')) AS min_ts, max(toDateTime64(ts, 3, 'UTC')) AS max_ts,
    toUInt64(0) AS errors, toUInt64(0) AS spans, count() AS logs,
    groupUniqArrayIf(CAST(service, 'String'), service != '') AS services
FROM {{local "logs"}}
WHERE trace_id != ''
GROUP BY trace_id, project_id, day;

{{dist "trace_index" "cityHash64(trace_id)"}}

-- Segments by hour: throughput, failures and latency of transactions.
{{create "segment_hour"}}
(
    project_id  UInt32 COMMENT 'As in spans.',
    hour        DateTime('UTC') COMMENT 'Hour of ts.' CODEC(Delta(4), ZSTD(1)),
    service     LowCardinality(String) COMMENT 'As in spans.',
    name        String COMMENT 'Name of the segment span.' CODEC(ZSTD(1)),
    environment LowCardinality(String) COMMENT 'As in spans.',
    release     LowCardinality(String) COMMENT 'As in spans.',
    segments    SimpleAggregateFunction(sum, UInt64) COMMENT 'Segment spans.' CODEC(T64, ZSTD(1)),
    failed      SimpleAggregateFunction(sum, UInt64) COMMENT 'Of them with status error.' CODEC(T64, ZSTD(1)),
    estimated   SimpleAggregateFunction(sum, Float64) COMMENT 'sum(sample_weight): before sampling.' CODEC(ZSTD(1)),
    sum_us      SimpleAggregateFunction(sum, UInt64) COMMENT 'Sum of durations, microseconds.' CODEC(T64, ZSTD(1)),
    duration    AggregateFunction(quantilesTDigest(0.5, 0.75, 0.95, 0.99), UInt64) COMMENT 'Durations, microseconds.' CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree" "segment_hour"}}
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, service, name, environment, release)
TTL hour + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "segment_hour_mv" "segment_hour"}}
SELECT project_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, service, name, environment, release,
    count() AS segments, countIf(status = 'error') AS failed, sum(toFloat64(sample_weight)) AS estimated, sum(duration_us) AS sum_us,
    quantilesTDigestState(0.5, 0.75, 0.95, 0.99)(duration_us) AS duration
FROM {{local "spans"}}
WHERE is_segment
GROUP BY project_id, hour, service, name, environment, release;

{{dist "segment_hour" "cityHash64(project_id, service)"}}

-- Release health by hour. Single updates and buckets of aggregates add up.
{{create "session_hour"}}
(
    project_id      UInt32 COMMENT 'As in sessions.',
    hour            DateTime('UTC') COMMENT 'Hour of started.' CODEC(Delta(4), ZSTD(1)),
    release         LowCardinality(String) COMMENT 'As in sessions.',
    environment     LowCardinality(String) COMMENT 'As in sessions.',
    started         SimpleAggregateFunction(sum, UInt64) COMMENT 'Sessions that began.',
    crashed         SimpleAggregateFunction(sum, UInt64) COMMENT 'Of them crashed.',
    abnormal        SimpleAggregateFunction(sum, UInt64) COMMENT 'Of them abnormal.',
    unhandled       SimpleAggregateFunction(sum, UInt64) COMMENT 'Of them unhandled.',
    errored_buckets SimpleAggregateFunction(sum, UInt64) COMMENT 'Errored ones of buckets.',
    errored         AggregateFunction(uniqCombined(14), UUID) COMMENT 'Ids of single sessions with errors.',
    users           AggregateFunction(uniqCombined(14), UInt64) COMMENT 'Users.',
    users_crashed   AggregateFunction(uniqCombined(14), UInt64) COMMENT 'Users with a crash.',
    duration        AggregateFunction(quantilesTDigest(0.5, 0.9, 0.99), UInt32) COMMENT 'Milliseconds.'
)
ENGINE = {{engine "AggregatingMergeTree" "session_hour"}}
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, release, environment)
TTL hour + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "session_hour_mv" "session_hour"}}
SELECT project_id, toStartOfHour(toDateTime(s.started, 'UTC')) AS hour, release, environment,
    sumIf(toUInt64(quantity), init OR session_id = toUUID('00000000-0000-0000-0000-000000000000')) AS started, sumIf(toUInt64(quantity), status = 'crashed') AS crashed,
    sumIf(toUInt64(quantity), status = 'abnormal') AS abnormal, sumIf(toUInt64(quantity), status = 'unhandled') AS unhandled,
    sumIf(toUInt64(quantity), session_id = toUUID('00000000-0000-0000-0000-000000000000') AND (errors > 0 OR status != 'exited' AND status != 'ok')) AS errored_buckets,
    uniqCombinedStateIf(14)(session_id, session_id != toUUID('00000000-0000-0000-0000-000000000000') AND (errors > 0 OR status IN ('crashed', 'abnormal', 'errored', 'unhandled'))) AS errored,
    uniqCombinedStateIf(14)(user_hash, user_hash != 0) AS users,
    uniqCombinedStateIf(14)(user_hash, user_hash != 0 AND status = 'crashed') AS users_crashed,
    quantilesTDigestStateIf(0.5, 0.9, 0.99)(duration_ms, duration_ms > 0) AS duration
FROM {{local "sessions"}} AS s
GROUP BY project_id, hour, release, environment;

{{dist "session_hour" "cityHash64(project_id)"}}
