-- Spans and log records of both protocols: what an error is read with.
{{create "spans"}}
(
    project_id         UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.' CODEC(Delta(4), ZSTD(1)),
    ts                 DateTime64(6, 'UTC') COMMENT 'Start. Sentry: start_timestamp. OTLP: start_time_unix_nano.' CODEC(Delta(8), ZSTD(1)),
    trace_id           String COMMENT 'Sentry: trace_id. OTLP: trace_id.' CODEC(ZSTD(1)),
    span_id            String COMMENT 'Sentry: span_id. OTLP: span_id.' CODEC(ZSTD(1)),
    parent_span_id     String COMMENT 'Sentry: parent_span_id. OTLP: parent_span_id.' CODEC(ZSTD(1)),
    received_at        DateTime64(3, 'UTC') COMMENT 'Both: stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days     UInt16 DEFAULT 30 COMMENT 'Both: retention class of the project.' CODEC(ZSTD(1)),
    protocol           Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'Which protocol brought it.' CODEC(ZSTD(1)),
    service            LowCardinality(String) COMMENT 'Sentry: service tag. OTLP: service.name.',
    op                 LowCardinality(String) COMMENT 'Sentry: op. OTLP: derived from kind and attributes.',
    name               String COMMENT 'Sentry: transaction name, or description of a child. OTLP: name.' CODEC(ZSTD(1)),
    kind               Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) COMMENT 'Sentry: derived from op. OTLP: kind.' CODEC(ZSTD(1)),
    is_segment         Bool COMMENT 'Sentry: root span of a transaction. OTLP: entry span of a service.' CODEC(ZSTD(1)),
    segment_name       LowCardinality(String) COMMENT 'Sentry: name of the transaction. OTLP: name of the entry span.',
    duration_us        UInt64 COMMENT 'Both: end minus start, microseconds.' CODEC(T64, ZSTD(1)),
    status             Enum8('unset' = 0, 'ok' = 1, 'error' = 2) COMMENT 'Sentry: status. OTLP: status.code.' CODEC(ZSTD(1)),
    status_message     String COMMENT 'Sentry: status text. OTLP: status.message.' CODEC(ZSTD(1)),
    environment        LowCardinality(String) COMMENT 'Sentry: environment. OTLP: deployment.environment.name.',
    release            LowCardinality(String) COMMENT 'Sentry: release. OTLP: service.name@service.version.',
    server_name        LowCardinality(String) COMMENT 'Sentry: server_name. OTLP: host.name.',
    http_status        UInt16 COMMENT 'Sentry: http.response.status_code. OTLP: http.response.status_code.' CODEC(ZSTD(1)),
    sdk_name           LowCardinality(String) COMMENT 'Sentry: sdk.name. OTLP: telemetry.sdk.name.',
    scope_name         LowCardinality(String) COMMENT 'Sentry: origin. OTLP: scope.name.',
    scope_version      LowCardinality(String) COMMENT 'Sentry: empty. OTLP: scope.version.',
    user_hash          UInt64 COMMENT 'Sentry: hash of user. OTLP: hash of user.id.' CODEC(ZSTD(1)),
    sample_weight      Float32 DEFAULT 1 COMMENT 'Sentry: 1 over sample_rate. OTLP: from the threshold in trace_state.' CODEC(ZSTD(1)),
    trace_state        String COMMENT 'Sentry: empty. OTLP: trace_state.' CODEC(ZSTD(1)),
    event_id           UUID COMMENT 'Sentry: event_id of the transaction, on its segment span. OTLP: zero.' CODEC(ZSTD(1)),
    attributes         Map(LowCardinality(String), String) COMMENT 'Sentry: data and tags. OTLP: attributes.' CODEC(ZSTD(1)),
    resource           Map(LowCardinality(String), String) COMMENT 'Sentry: contexts of the process. OTLP: resource attributes.' CODEC(ZSTD(1)),
    measurements       Map(LowCardinality(String), Float64) COMMENT 'Sentry: measurements. OTLP: empty.' CODEC(ZSTD(1)),
    measurement_units  Map(LowCardinality(String), LowCardinality(String)) COMMENT 'Sentry: units of measurements. OTLP: empty.' CODEC(ZSTD(1)),
    event_ts           Array(DateTime64(6, 'UTC')) COMMENT 'OTLP: time of each span event. Sentry: empty.' CODEC(ZSTD(1)),
    event_name         Array(LowCardinality(String)) COMMENT 'OTLP: name of each span event. Sentry: empty.' CODEC(ZSTD(1)),
    event_attributes   Array(Map(LowCardinality(String), String)) COMMENT 'OTLP: attributes of each span event. Sentry: empty.' CODEC(ZSTD(1)),
    link_trace_id      Array(String) COMMENT 'Sentry: links[].trace_id. OTLP: links[].trace_id.' CODEC(ZSTD(1)),
    link_span_id       Array(String) COMMENT 'Sentry: links[].span_id. OTLP: links[].span_id.' CODEC(ZSTD(1)),
    link_attributes    Array(Map(LowCardinality(String), String)) COMMENT 'Sentry: links[].attributes. OTLP: links[].attributes.' CODEC(ZSTD(1)),
    topic_partition    UInt16 COMMENT 'Both: Kafka partition of the record.' CODEC(ZSTD(1)),
    topic_offset       Int64 COMMENT 'Both: Kafka offset of the record.' CODEC(Delta(8), ZSTD(1)),
    INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_ak mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_av mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_dur duration_us TYPE minmax GRANULARITY 1
)
ENGINE = {{engine "MergeTree" "spans"}}
PARTITION BY (retention_days, toDate(ts))
ORDER BY (project_id, service, name, toStartOfHour(ts), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "spans" "cityHash64(trace_id)"}}

{{create "logs"}}
(
    project_id         UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.' CODEC(Delta(4), ZSTD(1)),
    ts                 DateTime64(6, 'UTC') COMMENT 'Sentry: timestamp. OTLP: time_unix_nano, else observed time.' CODEC(Delta(8), ZSTD(1)),
    log_id             UUID COMMENT 'Both: derived from the content, so that a retried request gives the same id.' CODEC(ZSTD(1)),
    received_at        DateTime64(3, 'UTC') COMMENT 'Both: stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days     UInt16 DEFAULT 30 COMMENT 'Both: retention class of the project.' CODEC(ZSTD(1)),
    protocol           Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'Which protocol brought it.' CODEC(ZSTD(1)),
    service            LowCardinality(String) COMMENT 'Sentry: service attribute. OTLP: service.name.',
    severity           UInt8 COMMENT 'Sentry: severity_number, else from level. OTLP: severity_number, 1 to 24.' CODEC(ZSTD(1)),
    severity_text      LowCardinality(String) COMMENT 'Sentry: level. OTLP: severity_text.',
    body               String COMMENT 'Sentry: body. OTLP: body, JSON where it is not text.' CODEC(ZSTD(1)),
    event_name         LowCardinality(String) COMMENT 'Sentry: empty. OTLP: event_name.',
    environment        LowCardinality(String) COMMENT 'Sentry: sentry.environment. OTLP: deployment.environment.name.',
    release            LowCardinality(String) COMMENT 'Sentry: sentry.release. OTLP: service.name@service.version.',
    server_name        LowCardinality(String) COMMENT 'Sentry: server.address. OTLP: host.name.',
    scope_name         LowCardinality(String) COMMENT 'Sentry: logger name. OTLP: scope.name.',
    trace_id           String COMMENT 'Sentry: trace_id. OTLP: trace_id.' CODEC(ZSTD(1)),
    span_id            String COMMENT 'Sentry: span_id. OTLP: span_id.' CODEC(ZSTD(1)),
    fingerprint        UInt64 COMMENT 'Both: of the issue, where the record made one; else 0.' CODEC(ZSTD(1)),
    attributes         Map(LowCardinality(String), String) COMMENT 'Sentry: attributes. OTLP: attributes.' CODEC(ZSTD(1)),
    resource           Map(LowCardinality(String), String) COMMENT 'Sentry: sdk and os attributes. OTLP: resource attributes.' CODEC(ZSTD(1)),
    topic_partition    UInt16 COMMENT 'Both: Kafka partition of the record.' CODEC(ZSTD(1)),
    topic_offset       Int64 COMMENT 'Both: Kafka offset of the record.' CODEC(Delta(8), ZSTD(1)),
    INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_body lower(body) TYPE text(tokenizer = splitByNonAlpha)
)
ENGINE = {{engine "MergeTree" "logs"}}
PARTITION BY (retention_days, toDate(ts))
ORDER BY (project_id, service, toStartOfFiveMinutes(toDateTime(ts)), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "logs" "cityHash64(trace_id)"}}
