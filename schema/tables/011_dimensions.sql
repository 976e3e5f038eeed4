-- Counts by minute, release and tag.
{{create "project_minute"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    minute      DateTime('UTC') COMMENT 'Minute of ts.' CODEC(DoubleDelta, ZSTD(1)),
    environment LowCardinality(String) COMMENT 'As in events.',
    release     LowCardinality(String) COMMENT 'As in events.',
    service     LowCardinality(String) COMMENT 'As in events.',
    level       Enum8('unspecified' = 0, 'debug' = 1, 'info' = 2, 'warning' = 3, 'error' = 4, 'fatal' = 5) COMMENT 'As in events.',
    handled     Enum8('unknown' = 0, 'yes' = 1, 'no' = 2) COMMENT 'As in events.',
    protocol    Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'As in events.',
    events      UInt64 COMMENT 'sum(weight).' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "SummingMergeTree" "project_minute" "events"}}
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, environment, release, service, level, handled, protocol)
TTL minute + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "project_minute_mv" "project_minute"}}
SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, environment, release, service, level, handled, protocol,
    sum(toUInt64(weight)) AS events
FROM {{local "events"}}
GROUP BY project_id, minute, environment, release, service, level, handled, protocol;

{{dist "project_minute" "cityHash64(project_id, minute)"}}

-- Releases that an issue was seen in: regressions, "new since".
{{create "issue_release"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    fingerprint UInt64 COMMENT 'As in events.',
    release     LowCardinality(String) COMMENT 'As in events; never empty.',
    environment LowCardinality(String) COMMENT 'As in events.',
    first_seen  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Oldest ts.',
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.',
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).'
)
ENGINE = {{engine "AggregatingMergeTree" "issue_release"}}
ORDER BY (project_id, fingerprint, release, environment)
SETTINGS {{dedup}};

{{materialized "issue_release_mv" "issue_release"}}
SELECT project_id, fingerprint, release, environment,
    min(ts) AS first_seen, max(ts) AS last_seen, sum(toUInt64(weight)) AS events
FROM {{local "events"}}
WHERE release != ''
GROUP BY project_id, fingerprint, release, environment;

{{dist "issue_release" "cityHash64(project_id, fingerprint)"}}

{{create "release_rollup"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    release     String COMMENT 'As in events; never empty.',
    environment LowCardinality(String) COMMENT 'As in events.',
    first_seen  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Oldest ts.',
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.',
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).'
)
ENGINE = {{engine "AggregatingMergeTree" "release_rollup"}}
ORDER BY (project_id, release, environment)
SETTINGS {{dedup}};

-- From issue_release, not from events: those rows are grouped already.
{{materialized "release_rollup_mv" "release_rollup"}}
SELECT project_id, release, environment,
    min(r.first_seen) AS first_seen, max(r.last_seen) AS last_seen, sum(r.events) AS events
FROM {{local "issue_release"}} AS r
GROUP BY project_id, release, environment;

{{dist "release_rollup" "cityHash64(project_id)"}}

-- Tag values of an issue by day. Values over 200 characters do not get here;
-- fixed dimensions are counted like tags.
{{create "issue_tag"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    fingerprint UInt64 COMMENT 'As in events.' CODEC(ZSTD(1)),
    key         LowCardinality(String) COMMENT 'Tag, or environment, release, level, server_name, transaction, service.',
    day         Date COMMENT 'Day of ts.' CODEC(Delta(2), ZSTD(1)),
    value       String COMMENT 'Value of the tag.' CODEC(ZSTD(1)),
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1)),
    last_seen   SimpleAggregateFunction(max, DateTime('UTC')) COMMENT 'Newest ts.' CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree" "issue_tag"}}
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, fingerprint, key, day, value)
TTL day + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "issue_tag_mv" "issue_tag"}}
SELECT project_id, fingerprint, kv.1 AS key, toDate(ts) AS day, kv.2 AS value,
    sum(toUInt64(weight)) AS events, max(toDateTime(ts, 'UTC')) AS last_seen
FROM {{local "events"}}
ARRAY JOIN arrayConcat(
    arrayFilter(t -> t.1 NOT IN ('environment', 'release', 'level', 'server_name', 'transaction', 'service'), CAST(tags, 'Array(Tuple(String, String))')),
    [('environment', CAST(environment, 'String')), ('release', CAST(release, 'String')), ('level', CAST(level, 'String')),
     ('server_name', CAST(server_name, 'String')), ('transaction', CAST(transaction, 'String')), ('service', CAST(service, 'String'))]) AS kv
WHERE kv.2 != '' AND length(kv.2) <= 200 AND weight > 0
GROUP BY project_id, fingerprint, key, day, value;

{{dist "issue_tag" "cityHash64(project_id, fingerprint)"}}

-- Tag values of a project by day: what an issue's tags are compared with.
{{create "project_tag"}}
(
    project_id UInt32 COMMENT 'As in events.',
    key        LowCardinality(String) COMMENT 'As in issue_tag.',
    day        Date COMMENT 'Day of ts.' CODEC(Delta(2), ZSTD(1)),
    value      String COMMENT 'Value of the tag.' CODEC(ZSTD(1)),
    events     SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree" "project_tag"}}
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, key, day, value)
TTL day + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "project_tag_mv" "project_tag"}}
SELECT project_id, key, day, value, sum(t.events) AS events
FROM {{local "issue_tag"}} AS t
GROUP BY project_id, key, day, value;

{{dist "project_tag" "cityHash64(project_id, key)"}}
