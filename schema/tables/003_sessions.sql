-- Release health, monitors, metrics: what comes on the topic of sessions.
{{create "sessions"}}
(
    project_id      UInt32 COMMENT 'Sentry: project of the DSN. OTLP: none.' CODEC(Delta(4), ZSTD(1)),
    started         DateTime64(3, 'UTC') COMMENT 'Sentry: started of a session, or of a bucket of aggregates.' CODEC(Delta(8), ZSTD(1)),
    ts              DateTime64(3, 'UTC') COMMENT 'Sentry: timestamp of the update.' CODEC(Delta(8), ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'Stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days  UInt16 DEFAULT 90 COMMENT 'Retention class of the project.' CODEC(ZSTD(1)),
    session_id      UUID COMMENT 'Sentry: sid; zero for a bucket of aggregates.' CODEC(ZSTD(1)),
    user_hash       UInt64 COMMENT 'Sentry: hash of did; 0 where unknown.' CODEC(ZSTD(1)),
    seq             UInt64 COMMENT 'Sentry: seq.' CODEC(ZSTD(1)),
    init            Bool COMMENT 'Sentry: init.' CODEC(ZSTD(1)),
    status          Enum8('ok' = 0, 'exited' = 1, 'crashed' = 2, 'abnormal' = 3, 'errored' = 4, 'unhandled' = 5) COMMENT 'Sentry: status, or the counter of a bucket.' CODEC(ZSTD(1)),
    errors          UInt32 COMMENT 'Sentry: errors.' CODEC(ZSTD(1)),
    quantity        UInt32 DEFAULT 1 COMMENT 'Sentry: 1, or the count of a bucket.' CODEC(ZSTD(1)),
    duration_ms     UInt32 COMMENT 'Sentry: duration.' CODEC(ZSTD(1)),
    environment     LowCardinality(String) COMMENT 'Sentry: attrs.environment.',
    release         LowCardinality(String) COMMENT 'Sentry: attrs.release.',
    sdk_name        LowCardinality(String) COMMENT 'Sentry: sdk of the envelope.',
    os              LowCardinality(String) COMMENT 'Sentry: attrs.os or contexts.',
    topic_partition UInt16 COMMENT 'Kafka partition of the record.' CODEC(ZSTD(1)),
    topic_offset    Int64 COMMENT 'Kafka offset of the record.' CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{engine "MergeTree" "sessions"}}
PARTITION BY (retention_days, toMonday(started))
ORDER BY (project_id, toStartOfHour(started), release, session_id)
TTL toDateTime(started) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "sessions" "cityHash64(project_id, session_id)"}}

{{create "check_ins"}}
(
    project_id      UInt32 COMMENT 'Sentry: project of the DSN.' CODEC(Delta(4), ZSTD(1)),
    check_in_id     UUID COMMENT 'Sentry: check_in_id.' CODEC(ZSTD(1)),
    monitor         LowCardinality(String) COMMENT 'Sentry: monitor_slug.',
    status          LowCardinality(String) COMMENT 'Sentry: in_progress, ok, error; computed: missed, timeout.',
    ts              DateTime64(3, 'UTC') COMMENT 'Sentry: when the check-in came.' CODEC(Delta(8), ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'Stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days  UInt16 DEFAULT 90 COMMENT 'Retention class of the project.' CODEC(ZSTD(1)),
    duration_ms     UInt64 COMMENT 'Sentry: duration.' CODEC(ZSTD(1)),
    environment     LowCardinality(String) COMMENT 'Sentry: environment.',
    release         LowCardinality(String) COMMENT 'Sentry: release.',
    trace_id        String COMMENT 'Sentry: contexts.trace.trace_id.' CODEC(ZSTD(1)),
    expected_at     DateTime64(3, 'UTC') COMMENT 'For missed ones: when it should have come.' CODEC(ZSTD(1))
)
ENGINE = {{engine "MergeTree" "check_ins"}}
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, monitor, environment, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "check_ins" "cityHash64(project_id, monitor)"}}

-- The newest configuration of each monitor: read with FINAL.
{{create "monitors"}}
(
    project_id              UInt32 COMMENT 'Sentry: project of the DSN.',
    slug                    String COMMENT 'Sentry: monitor_slug.',
    schedule_type           LowCardinality(String) COMMENT 'Sentry: monitor_config.schedule.type: crontab or interval.',
    schedule                String COMMENT 'Sentry: monitor_config.schedule: crontab text, or "N unit".',
    checkin_margin_min      UInt32 COMMENT 'Sentry: monitor_config.checkin_margin, minutes.',
    max_runtime_min         UInt32 COMMENT 'Sentry: monitor_config.max_runtime, minutes.',
    timezone                LowCardinality(String) COMMENT 'Sentry: monitor_config.timezone.',
    failure_issue_threshold UInt32 COMMENT 'Sentry: monitor_config.failure_issue_threshold.',
    recovery_threshold      UInt32 COMMENT 'Sentry: monitor_config.recovery_threshold.',
    updated_at              DateTime64(3, 'UTC') COMMENT 'When this configuration came; the newest wins.'
)
ENGINE = {{engine "ReplacingMergeTree" "monitors" "updated_at"}}
ORDER BY (project_id, slug)
SETTINGS {{dedup}};

{{dist "monitors" "cityHash64(project_id, slug)"}}

{{create "metrics"}}
(
    project_id      UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.' CODEC(Delta(4), ZSTD(1)),
    ts              DateTime64(6, 'UTC') COMMENT 'Sentry: timestamp. OTLP: time_unix_nano.' CODEC(Delta(8), ZSTD(1)),
    start_ts        DateTime64(6, 'UTC') COMMENT 'Sentry: zero. OTLP: start_time_unix_nano.' CODEC(Delta(8), ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'Both: stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days  UInt16 DEFAULT 90 COMMENT 'Both: retention class of the project.' CODEC(ZSTD(1)),
    protocol        Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'Which protocol brought it.' CODEC(ZSTD(1)),
    name            LowCardinality(String) COMMENT 'Sentry: name. OTLP: name.',
    type            LowCardinality(String) COMMENT 'counter, gauge, distribution, histogram, exponential_histogram, summary, set.',
    unit            LowCardinality(String) COMMENT 'Sentry: unit. OTLP: unit.',
    value           Float64 COMMENT 'Sentry: value. OTLP: value of a point, sum of a histogram.' CODEC(ZSTD(1)),
    count           UInt64 COMMENT 'Sentry: 1. OTLP: count of a histogram, else 1.' CODEC(ZSTD(1)),
    min             Float64 COMMENT 'OTLP: min of a histogram.' CODEC(ZSTD(1)),
    max             Float64 COMMENT 'OTLP: max of a histogram.' CODEC(ZSTD(1)),
    bounds          Array(Float64) COMMENT 'OTLP: explicit bounds.' CODEC(ZSTD(1)),
    buckets         Array(UInt64) COMMENT 'OTLP: bucket counts.' CODEC(ZSTD(1)),
    monotonic       Bool COMMENT 'OTLP: is_monotonic of a sum.' CODEC(ZSTD(1)),
    temporality     UInt8 COMMENT 'OTLP: 1 delta, 2 cumulative; 0 for Sentry.' CODEC(ZSTD(1)),
    service         LowCardinality(String) COMMENT 'Sentry: service attribute. OTLP: service.name.',
    environment     LowCardinality(String) COMMENT 'Sentry: sentry.environment. OTLP: deployment.environment.name.',
    release         LowCardinality(String) COMMENT 'Sentry: sentry.release. OTLP: service.name@service.version.',
    trace_id        String COMMENT 'Sentry: trace_id. OTLP: of an exemplar.' CODEC(ZSTD(1)),
    span_id         String COMMENT 'Sentry: span_id. OTLP: of an exemplar.' CODEC(ZSTD(1)),
    attributes      Map(LowCardinality(String), String) COMMENT 'Sentry: attributes. OTLP: attributes.' CODEC(ZSTD(1)),
    resource        Map(LowCardinality(String), String) COMMENT 'OTLP: resource attributes.' CODEC(ZSTD(1))
)
ENGINE = {{engine "MergeTree" "metrics"}}
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, name, service, toStartOfHour(ts), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "metrics" "cityHash64(project_id, name)"}}
