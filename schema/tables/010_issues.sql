-- Issue groups are materialized views over fingerprint: no code ever updates a
-- count. A twin has weight 0: it adds its protocol and environment, not a count.
{{create "issue_rollup"}}
(
    project_id    UInt32 COMMENT 'As in events.',
    fingerprint   UInt64 COMMENT 'As in events; issue_of says which issue it belongs to.',
    first_seen    SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Oldest ts.',
    last_seen     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.',
    events        SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).',
    level_max     SimpleAggregateFunction(max, Enum8('unspecified' = 0, 'debug' = 1, 'info' = 2, 'warning' = 3, 'error' = 4, 'fatal' = 5)) COMMENT 'Highest level.',
    handled_max   SimpleAggregateFunction(max, UInt8) COMMENT '2 where any occurrence was unhandled, 1 where all known ones were handled.',
    protocols     SimpleAggregateFunction(groupBitOr, UInt8) COMMENT 'Bits: 1 sentry, 2 otlp.',
    environments  SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'All environments.',
    users         AggregateFunction(uniqCombinedArray(12), Array(UInt64)) COMMENT 'Sketch of user hashes; standard error 1.6 %.',
    last          AggregateFunction(argMax, Tuple(title String, culprit String, type String, platform String, service String, release String, event_id UUID, trace_id String), Tuple(UInt8, DateTime64(3, 'UTC'))) COMMENT 'Of the newest counted event with a payload.',
    first         AggregateFunction(argMin, Tuple(release String, event_id UUID), DateTime64(3, 'UTC')) COMMENT 'Of the oldest event.'
)
ENGINE = {{engine "AggregatingMergeTree" "issue_rollup"}}
ORDER BY (project_id, fingerprint)
SETTINGS index_granularity = 256, {{dedup}};

{{materialized "issue_rollup_mv" "issue_rollup"}}
SELECT project_id, fingerprint,
    min(ts) AS first_seen, max(ts) AS last_seen, sum(toUInt64(weight)) AS events,
    max(level) AS level_max, max(toUInt8(handled)) AS handled_max,
    groupBitOr(multiIf(protocol = 'sentry', toUInt8(1), protocol = 'unknown', toUInt8(0), toUInt8(2))) AS protocols,
    groupUniqArray(CAST(environment, 'String')) AS environments,
    uniqCombinedArrayState(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users,
    argMaxState(CAST((title, culprit, exception_type, platform, service, release, event_id, trace_id), 'Tuple(title String, culprit String, type String, platform String, service String, release String, event_id UUID, trace_id String)'), (toUInt8(weight > 0 AND payload != ''), ts)) AS last,
    argMinState(CAST((release, event_id), 'Tuple(release String, event_id UUID)'), ts) AS first
FROM {{local "events"}}
GROUP BY project_id, fingerprint;

{{dist "issue_rollup" "cityHash64(project_id, fingerprint)"}}

-- Windowed counts for lists and trends: hours from events, days from hours.
{{create "issue_hour"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    hour        DateTime('UTC') COMMENT 'Hour of ts.' CODEC(Delta(4), ZSTD(1)),
    fingerprint UInt64 COMMENT 'As in events.' CODEC(ZSTD(1)),
    environment LowCardinality(String) COMMENT 'As in events.',
    release     LowCardinality(String) COMMENT 'As in events.',
    level       SimpleAggregateFunction(max, Enum8('unspecified' = 0, 'debug' = 1, 'info' = 2, 'warning' = 3, 'error' = 4, 'fatal' = 5)) COMMENT 'Highest level.',
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1)),
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.' CODEC(ZSTD(1)),
    users       AggregateFunction(uniqCombinedArray(12), Array(UInt64)) COMMENT 'Sketch of user hashes.' CODEC(ZSTD(1)),
    INDEX ix_fingerprint fingerprint TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine "AggregatingMergeTree" "issue_hour"}}
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, fingerprint, environment, release)
TTL hour + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "issue_hour_mv" "issue_hour"}}
SELECT project_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, fingerprint, environment, release,
    max(e.level) AS level, sum(toUInt64(weight)) AS events, max(ts) AS last_seen,
    uniqCombinedArrayState(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users
FROM {{local "events"}} AS e
GROUP BY project_id, hour, fingerprint, environment, release;

{{dist "issue_hour" "cityHash64(project_id, fingerprint)"}}

{{create "issue_day"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    day         Date COMMENT 'Day of ts.' CODEC(Delta(2), ZSTD(1)),
    fingerprint UInt64 COMMENT 'As in events.' CODEC(ZSTD(1)),
    environment LowCardinality(String) COMMENT 'As in events.',
    release     LowCardinality(String) COMMENT 'As in events.',
    level       SimpleAggregateFunction(max, Enum8('unspecified' = 0, 'debug' = 1, 'info' = 2, 'warning' = 3, 'error' = 4, 'fatal' = 5)) COMMENT 'Highest level.',
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1)),
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.' CODEC(ZSTD(1)),
    users       AggregateFunction(uniqCombinedArray(12), Array(UInt64)) COMMENT 'Sketch of user hashes.' CODEC(ZSTD(1)),
    INDEX ix_fingerprint fingerprint TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine "AggregatingMergeTree" "issue_day"}}
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, fingerprint, environment, release)
TTL day + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "issue_day_mv" "issue_day"}}
SELECT project_id, toDate(hour, 'UTC') AS day, fingerprint, environment, release,
    max(h.level) AS level, sum(h.events) AS events, max(h.last_seen) AS last_seen,
    uniqCombinedArrayMergeState(12)(h.users) AS users
FROM {{local "issue_hour"}} AS h
GROUP BY project_id, day, fingerprint, environment, release;

{{dist "issue_day" "cityHash64(project_id, fingerprint)"}}
