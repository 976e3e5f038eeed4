-- 001_events.sql
CREATE TABLE IF NOT EXISTS errata.events_local ON CLUSTER prod
(
    project_id         UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the key, path, service rule or OTLP default.' CODEC(Delta(4), ZSTD(1)),
    ts                 DateTime64(3, 'UTC') COMMENT 'When it happened. Sentry: timestamp, corrected for clock drift. OTLP: time_unix_nano of the span event or log record.' CODEC(Delta(8), ZSTD(1)),
    fingerprint        UInt64 COMMENT 'The first of hashes. Both: grouping. Show it as issue, never as a number.' CODEC(ZSTD(1)),
    event_id           UUID COMMENT 'Sentry: event_id. OTLP: derived from trace, span, time and exception, so a retried export gives the same id.',
    received_at        DateTime64(3, 'UTC') COMMENT 'Both: stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days     UInt16 DEFAULT 90 COMMENT 'Both: retention class of the project.' CODEC(ZSTD(1)),
    hashes             Array(UInt64) COMMENT 'Both: grouping; custom fingerprint, full chain, main exception, in this order.' CODEC(ZSTD(1)),
    main_hash          UInt64 COMMENT 'Both: hash of the main exception alone; joins witnesses of one trace.' CODEC(ZSTD(1)),
    grouping_version   LowCardinality(String) COMMENT 'Both: version of the grouping algorithm.',
    deciding_component LowCardinality(String) COMMENT 'Both: what decided: fingerprint, exception stack, exception value, message, csp.',
    grouping_reason    String COMMENT 'Both: which values counted, for people.' CODEC(ZSTD(1)),
    weight             UInt32 DEFAULT 1 COMMENT 'Occurrences: 1; 0 for a twin; N for a counted flood row.' CODEC(T64, ZSTD(1)),
    twin_of            UUID DEFAULT toUUID('00000000-0000-0000-0000-000000000000') COMMENT 'Event that counts for this witness; zero where this row counts itself.' CODEC(ZSTD(1)),
    folded             UInt32 COMMENT 'OTLP: recordings of the same exception by enclosing spans, folded into this row. Sentry: 0.' CODEC(T64, ZSTD(1)),
    protocol           Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'Witness: Sentry envelope or store, OTLP span event, OTLP log record.' CODEC(ZSTD(1)),
    type               LowCardinality(String) COMMENT 'Sentry: event type (error, default, csp ...). OTLP: error.',
    level              Enum8('unspecified' = 0, 'debug' = 1, 'info' = 2, 'warning' = 3, 'error' = 4, 'fatal' = 5) COMMENT 'Sentry: level. OTLP: severity_number of logs; error for span events.' CODEC(ZSTD(1)),
    platform           LowCardinality(String) COMMENT 'Sentry: platform. OTLP: telemetry.sdk.language.',
    sdk_name           LowCardinality(String) COMMENT 'Sentry: sdk.name. OTLP: telemetry.sdk.name.',
    sdk_version        LowCardinality(String) COMMENT 'Sentry: sdk.version. OTLP: telemetry.sdk.version.',
    service            LowCardinality(String) COMMENT 'Sentry: tag service, else contexts or server application. OTLP: service.name.',
    environment        LowCardinality(String) COMMENT 'Sentry: environment. OTLP: deployment.environment.name.',
    release            LowCardinality(String) COMMENT 'Sentry: release. OTLP: service.name@service.version.',
    dist               LowCardinality(String) COMMENT 'Sentry: dist. OTLP: empty.',
    server_name        LowCardinality(String) COMMENT 'Sentry: server_name. OTLP: host.name.',
    transaction        LowCardinality(String) COMMENT 'Sentry: transaction. OTLP: http.route or the name of the span.',
    logger             LowCardinality(String) COMMENT 'Sentry: logger. OTLP: scope name of logs.',
    title              String COMMENT 'Both: type and first line of the value, or the message.' CODEC(ZSTD(1)),
    culprit            String COMMENT 'Both: transaction, else the innermost in-app frame.' CODEC(ZSTD(1)),
    message            String COMMENT 'Sentry: logentry.formatted. OTLP: body of the log record.' CODEC(ZSTD(1)),
    exception_type     LowCardinality(String) COMMENT 'Sentry: type of the main exception. OTLP: last segment of exception.type.',
    exception_value    String COMMENT 'Sentry: value of the main exception. OTLP: exception.message.' CODEC(ZSTD(1)),
    handled            Enum8('unknown' = 0, 'yes' = 1, 'no' = 2) COMMENT 'Sentry: mechanism.handled. OTLP: exception.escaped, inverted.' CODEC(ZSTD(1)),
    mechanism          LowCardinality(String) COMMENT 'Sentry: mechanism.type. OTLP: span event or log.',
    frames_function    Array(LowCardinality(String)) COMMENT 'Sentry: stacktrace.frames[].function of the main exception, oldest call first. OTLP: read from exception.stacktrace.' CODEC(ZSTD(1)),
    frames_file        Array(LowCardinality(String)) COMMENT 'Sentry: frames[].filename. OTLP: read from exception.stacktrace.' CODEC(ZSTD(1)),
    frames_line        Array(UInt32) COMMENT 'Sentry: frames[].lineno. OTLP: read from exception.stacktrace.' CODEC(ZSTD(1)),
    frames_in_app      Array(Bool) COMMENT 'Both: our in-app decision for each frame.' CODEC(ZSTD(1)),
    user_id            String COMMENT 'Sentry: user.id. OTLP: user.id or enduser.id.' CODEC(ZSTD(1)),
    user_hash          UInt64 COMMENT 'Both: hash of the first known of id, email, name, IP; 0 where none. Users are counted by it.' CODEC(ZSTD(1)),
    user_hashes        Array(UInt64) COMMENT 'Both: users of a counted flood row.' CODEC(ZSTD(1)),
    user_ip            String COMMENT 'Sentry: user.ip_address. OTLP: client.address.' CODEC(ZSTD(1)),
    user_email         String COMMENT 'Sentry: user.email. OTLP: user.email.' CODEC(ZSTD(1)),
    user_name          String COMMENT 'Sentry: user.username. OTLP: user.name.' CODEC(ZSTD(1)),
    country            LowCardinality(String) COMMENT 'Sentry: user.geo.country_code. OTLP: geo.country.iso_code.',
    http_method        LowCardinality(String) COMMENT 'Sentry: request.method. OTLP: http.request.method.',
    http_status        UInt16 COMMENT 'Sentry: contexts.response.status_code. OTLP: http.response.status_code.' CODEC(ZSTD(1)),
    url                String COMMENT 'Sentry: request.url. OTLP: url.full, or scheme, host and path.' CODEC(ZSTD(1)),
    trace_id           String COMMENT 'Sentry: contexts.trace.trace_id. OTLP: trace_id. 32 lower hex digits or empty.' CODEC(ZSTD(1)),
    span_id            String COMMENT 'Sentry: contexts.trace.span_id. OTLP: span_id. 16 lower hex digits or empty.' CODEC(ZSTD(1)),
    trace_sampled      Bool COMMENT 'Sentry: trace.sampled of the envelope header. OTLP: sampled bit of flags.' CODEC(ZSTD(1)),
    replay_id          String COMMENT 'Sentry: contexts.replay.replay_id. OTLP: empty.' CODEC(ZSTD(1)),
    task_name          LowCardinality(String) COMMENT 'Sentry: celery or ARQ task name. OTLP: celery.task_name or messaging operation.',
    task_id            String COMMENT 'Sentry: celery task id. OTLP: messaging.message.id.' CODEC(ZSTD(1)),
    task_retries       UInt32 COMMENT 'Sentry: retries of the task. OTLP: 0.' CODEC(T64, ZSTD(1)),
    event_name         LowCardinality(String) COMMENT 'Sentry: empty. OTLP: name of the span event or log event.',
    redactions         UInt32 COMMENT 'Both: values that scrubbing removed.' CODEC(T64, ZSTD(1)),
    payload_bytes      UInt32 COMMENT 'Both: size as received, before trimming.' CODEC(T64, ZSTD(1)),
    topic_partition    UInt16 COMMENT 'Both: Kafka partition of the record.' CODEC(ZSTD(1)),
    topic_offset       Int64 COMMENT 'Both: Kafka offset of the record.' CODEC(Delta(8), ZSTD(1)),
    tags               Map(LowCardinality(String), String) COMMENT 'Sentry: tags and promoted contexts. OTLP: attributes of span event, span or log, and of the resource.' CODEC(ZSTD(1)),
    payload            String COMMENT 'Both: the scrubbed event as Sentry-shaped JSON; empty on flood rows.' CODEC(ZSTD(1)),
    INDEX ix_event  event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_trace  trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_offset topic_offset TYPE minmax GRANULARITY 1,
    INDEX ix_text   lower(concat(title, ' ', message)) TYPE text(tokenizer = splitByNonAlpha)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/events', '{replica}')
PARTITION BY (retention_days, toMonday(ts))
PRIMARY KEY (project_id, toDate(ts), fingerprint)
ORDER BY (project_id, toDate(ts), fingerprint, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.events ON CLUSTER prod AS errata.events_local ENGINE = Distributed('prod', 'errata', 'events_local', cityHash64(project_id, fingerprint));

-- 002_spans_logs.sql
CREATE TABLE IF NOT EXISTS errata.spans_local ON CLUSTER prod
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/spans', '{replica}')
PARTITION BY (retention_days, toDate(ts))
ORDER BY (project_id, service, name, toStartOfHour(ts), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.spans ON CLUSTER prod AS errata.spans_local ENGINE = Distributed('prod', 'errata', 'spans_local', cityHash64(trace_id));

CREATE TABLE IF NOT EXISTS errata.logs_local ON CLUSTER prod
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/logs', '{replica}')
PARTITION BY (retention_days, toDate(ts))
ORDER BY (project_id, service, toStartOfFiveMinutes(toDateTime(ts)), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.logs ON CLUSTER prod AS errata.logs_local ENGINE = Distributed('prod', 'errata', 'logs_local', cityHash64(trace_id));

-- 003_sessions.sql
CREATE TABLE IF NOT EXISTS errata.sessions_local ON CLUSTER prod
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/sessions', '{replica}')
PARTITION BY (retention_days, toMonday(started))
ORDER BY (project_id, toStartOfHour(started), release, session_id)
TTL toDateTime(started) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.sessions ON CLUSTER prod AS errata.sessions_local ENGINE = Distributed('prod', 'errata', 'sessions_local', cityHash64(project_id, session_id));

CREATE TABLE IF NOT EXISTS errata.check_ins_local ON CLUSTER prod
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/check_ins', '{replica}')
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, monitor, environment, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.check_ins ON CLUSTER prod AS errata.check_ins_local ENGINE = Distributed('prod', 'errata', 'check_ins_local', cityHash64(project_id, monitor));

CREATE TABLE IF NOT EXISTS errata.monitors_local ON CLUSTER prod
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/monitors', '{replica}', updated_at)
ORDER BY (project_id, slug)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.monitors ON CLUSTER prod AS errata.monitors_local ENGINE = Distributed('prod', 'errata', 'monitors_local', cityHash64(project_id, slug));

CREATE TABLE IF NOT EXISTS errata.metrics_local ON CLUSTER prod
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/metrics', '{replica}')
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, name, service, toStartOfHour(ts), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.metrics ON CLUSTER prod AS errata.metrics_local ENGINE = Distributed('prod', 'errata', 'metrics_local', cityHash64(project_id, name));

-- 004_attachments.sql
CREATE TABLE IF NOT EXISTS errata.attachments_local ON CLUSTER prod
(
    project_id     UInt32 COMMENT 'Sentry: project of the DSN.' CODEC(Delta(4), ZSTD(1)),
    event_id       UUID COMMENT 'Sentry: event_id of the envelope.' CODEC(ZSTD(1)),
    ts             DateTime64(3, 'UTC') COMMENT 'When it came.' CODEC(Delta(8), ZSTD(1)),
    received_at    DateTime64(3, 'UTC') COMMENT 'Stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days UInt16 DEFAULT 90 COMMENT 'Retention class of the project.' CODEC(ZSTD(1)),
    name           String COMMENT 'Sentry: filename.' CODEC(ZSTD(1)),
    type           LowCardinality(String) COMMENT 'Sentry: attachment_type.',
    content_type   LowCardinality(String) COMMENT 'Sentry: content_type.',
    item_type      LowCardinality(String) COMMENT 'Sentry: item type: attachment, minidump, profile, replay_recording.',
    size           UInt64 COMMENT 'Bytes.' CODEC(T64, ZSTD(1)),
    key            String COMMENT 'Key in the blob store; empty where the body was not kept.' CODEC(ZSTD(1)),
    trace_id       String COMMENT 'Sentry: trace of the event.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/attachments', '{replica}')
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, event_id, name)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.attachments ON CLUSTER prod AS errata.attachments_local ENGINE = Distributed('prod', 'errata', 'attachments_local', cityHash64(project_id, event_id));

CREATE TABLE IF NOT EXISTS errata.feedback_local ON CLUSTER prod
(
    project_id     UInt32 COMMENT 'Sentry: project of the DSN.' CODEC(Delta(4), ZSTD(1)),
    feedback_id    UUID COMMENT 'Sentry: event_id of the feedback item; derived for user reports.' CODEC(ZSTD(1)),
    event_id       UUID COMMENT 'Sentry: associated_event_id, or event_id of a user report; zero where none.' CODEC(ZSTD(1)),
    ts             DateTime64(3, 'UTC') COMMENT 'Sentry: timestamp.' CODEC(Delta(8), ZSTD(1)),
    received_at    DateTime64(3, 'UTC') COMMENT 'Stamped once at the edge.' CODEC(Delta(8), ZSTD(1)),
    retention_days UInt16 DEFAULT 90 COMMENT 'Retention class of the project.' CODEC(ZSTD(1)),
    name           String COMMENT 'Sentry: contexts.feedback.name.' CODEC(ZSTD(1)),
    email          String COMMENT 'Sentry: contexts.feedback.contact_email.' CODEC(ZSTD(1)),
    message        String COMMENT 'Sentry: contexts.feedback.message, or comments.' CODEC(ZSTD(1)),
    url            String COMMENT 'Sentry: contexts.feedback.url.' CODEC(ZSTD(1)),
    source         LowCardinality(String) COMMENT 'Sentry: contexts.feedback.source.',
    environment    LowCardinality(String) COMMENT 'Sentry: environment.',
    release        LowCardinality(String) COMMENT 'Sentry: release.',
    trace_id       String COMMENT 'Sentry: contexts.trace.trace_id.' CODEC(ZSTD(1)),
    replay_id      String COMMENT 'Sentry: contexts.feedback.replay_id.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/feedback', '{replica}')
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.feedback ON CLUSTER prod AS errata.feedback_local ENGINE = Distributed('prod', 'errata', 'feedback_local', cityHash64(project_id, feedback_id));

-- 005_accounting.sql
CREATE TABLE IF NOT EXISTS errata.outcomes_local ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Both: project of the request.',
    minute     DateTime('UTC') COMMENT 'Both: minute of received_at.' CODEC(DoubleDelta, ZSTD(1)),
    category   LowCardinality(String) COMMENT 'Both: error, transaction, span, log_item, session, monitor ...',
    outcome    LowCardinality(String) COMMENT 'Both: accepted, stored, duplicate, twin, sampled, filtered, rate_limited, invalid, too_large, accepted_and_dropped, dead_letter, offset_gap, client_report.',
    reason     LowCardinality(String) COMMENT 'Both: why, where the outcome needs one.',
    protocol   Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'Which protocol brought the items; unknown for receipts.',
    quantity   UInt64 COMMENT 'Items.' CODEC(T64, ZSTD(1)),
    bytes      UInt64 COMMENT 'Bytes of the items as received.' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/{database}/outcomes', '{replica}', (quantity, bytes))
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, category, outcome, reason, protocol)
TTL minute + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.outcomes ON CLUSTER prod AS errata.outcomes_local ENGINE = Distributed('prod', 'errata', 'outcomes_local', cityHash64(project_id));

CREATE TABLE IF NOT EXISTS errata.event_outcomes_local ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Both: project of the request.',
    event_id   UUID COMMENT 'Both: as in events.' CODEC(ZSTD(1)),
    ts         DateTime64(3, 'UTC') COMMENT 'Both: received_at of the record.' CODEC(Delta(8), ZSTD(1)),
    category   LowCardinality(String) COMMENT 'Both: as in outcomes.',
    outcome    LowCardinality(String) COMMENT 'Both: as in outcomes.',
    reason     LowCardinality(String) COMMENT 'Both: as in outcomes.',
    detail     String COMMENT 'Both: one sentence for people.' CODEC(ZSTD(1)),
    protocol   Enum8('unknown' = 0, 'sentry' = 1, 'otlp' = 2, 'otlp_logs' = 3) COMMENT 'Which protocol brought it.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/event_outcomes', '{replica}')
PARTITION BY toMonday(ts)
ORDER BY (event_id, project_id, ts)
TTL toDateTime(ts) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.event_outcomes ON CLUSTER prod AS errata.event_outcomes_local ENGINE = Distributed('prod', 'errata', 'event_outcomes_local', cityHash64(event_id));

-- 006_projects.sql
CREATE TABLE IF NOT EXISTS errata.projects ON CLUSTER prod
(
    id             UInt32 COMMENT 'Positive: SDKs refuse anything else.',
    slug           String COMMENT 'Unique name for people.',
    name           String COMMENT 'Title for people.',
    platform       LowCardinality(String) COMMENT 'Main platform, for set-up hints.',
    retention_days UInt32 DEFAULT 90 COMMENT 'Retention class.',
    otlp_default   Bool COMMENT 'Takes OTLP requests without a key.',
    settings       String COMMENT 'JSON: filters, quotas, scrubbing, grouping rules; empty means defaults.',
    disabled       Bool COMMENT 'Refuses everything.',
    updated_at     DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'Version of the row: the newest wins.'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/{database}/projects', '{replica}', updated_at)
ORDER BY id
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.project_keys ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Project that the key belongs to.',
    public     String COMMENT 'Public key of the DSN: 32 lower hex digits.',
    label      String COMMENT 'Name for people.',
    disabled   Bool COMMENT 'Refuses everything.',
    created_at DateTime64(3, 'UTC') COMMENT 'When the key was made.',
    settings   String COMMENT 'JSON: rate limits of this key; empty means none.',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'Version of the row: the newest wins.'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/{database}/project_keys', '{replica}', updated_at)
ORDER BY (project_id, public)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

-- 007_triage.sql
CREATE TABLE IF NOT EXISTS errata.issue_actions ON CLUSTER prod
(
    project_id    UInt32 COMMENT 'Project of the issue.',
    fingerprint   UInt64 COMMENT 'The issue acted on; for merge and split the fingerprint that moves.',
    at            DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.',
    action_id     UUID DEFAULT generateUUIDv7() COMMENT 'Identity of the action; undo names it.',
    actor         String COMMENT 'Who: always given.',
    action        LowCardinality(String) COMMENT 'resolve, unresolve, ignore, assign, merge, split, comment, priority, owner, undo.',
    resolution    LowCardinality(String) COMMENT 'Of resolve: now, in_release, in_next_release.',
    in_release    String COMMENT 'Of resolve: the release, or the newest one at that moment for in_next_release.',
    until         DateTime64(3, 'UTC') COMMENT 'Of ignore: until this time; zero for none.',
    until_events  UInt64 COMMENT 'Of ignore: until this many more events; 0 for none.',
    until_users   UInt64 COMMENT 'Of ignore: until this many users; 0 for none.',
    base_events   UInt64 COMMENT 'Of ignore: events of the issue at that moment.',
    base_users    UInt64 COMMENT 'Of ignore: users of the issue at that moment.',
    assignee      String COMMENT 'Of assign: to whom; empty for nobody.',
    owner         String COMMENT 'Of owner: team or person.',
    priority      LowCardinality(String) COMMENT 'Of priority: low, medium, high.',
    into          UInt64 COMMENT 'Of merge and split: fingerprint of the issue that it belongs to from now on.',
    target_action UUID COMMENT 'Of undo: which action.',
    bulk_id       UUID COMMENT 'Shared by the actions of one command; zero for a single one.',
    comment       String COMMENT 'Of any action: in words.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/all/{database}/issue_actions', '{replica}')
ORDER BY (project_id, fingerprint, at, action_id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

-- 010_issues.sql
CREATE TABLE IF NOT EXISTS errata.issue_rollup_local ON CLUSTER prod
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/issue_rollup', '{replica}')
ORDER BY (project_id, fingerprint)
SETTINGS index_granularity = 256, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_rollup_mv ON CLUSTER prod TO errata.issue_rollup_local AS
SELECT project_id, fingerprint,
    min(ts) AS first_seen, max(ts) AS last_seen, sum(toUInt64(weight)) AS events,
    max(level) AS level_max, max(toUInt8(handled)) AS handled_max,
    groupBitOr(multiIf(protocol = 'sentry', toUInt8(1), protocol = 'unknown', toUInt8(0), toUInt8(2))) AS protocols,
    groupUniqArray(CAST(environment, 'String')) AS environments,
    uniqCombinedArrayState(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users,
    argMaxState(CAST((title, culprit, exception_type, platform, service, release, event_id, trace_id), 'Tuple(title String, culprit String, type String, platform String, service String, release String, event_id UUID, trace_id String)'), (toUInt8(weight > 0 AND payload != ''), ts)) AS last,
    argMinState(CAST((release, event_id), 'Tuple(release String, event_id UUID)'), ts) AS first
FROM errata.events_local
GROUP BY project_id, fingerprint;

CREATE TABLE IF NOT EXISTS errata.issue_rollup ON CLUSTER prod AS errata.issue_rollup_local ENGINE = Distributed('prod', 'errata', 'issue_rollup_local', cityHash64(project_id, fingerprint));

CREATE TABLE IF NOT EXISTS errata.issue_hour_local ON CLUSTER prod
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/issue_hour', '{replica}')
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, fingerprint, environment, release)
TTL hour + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_hour_mv ON CLUSTER prod TO errata.issue_hour_local AS
SELECT project_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, fingerprint, environment, release,
    max(e.level) AS level, sum(toUInt64(weight)) AS events, max(ts) AS last_seen,
    uniqCombinedArrayState(12)(arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash))) AS users
FROM errata.events_local AS e
GROUP BY project_id, hour, fingerprint, environment, release;

CREATE TABLE IF NOT EXISTS errata.issue_hour ON CLUSTER prod AS errata.issue_hour_local ENGINE = Distributed('prod', 'errata', 'issue_hour_local', cityHash64(project_id, fingerprint));

CREATE TABLE IF NOT EXISTS errata.issue_day_local ON CLUSTER prod
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/issue_day', '{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, fingerprint, environment, release)
TTL day + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_day_mv ON CLUSTER prod TO errata.issue_day_local AS
SELECT project_id, toDate(hour, 'UTC') AS day, fingerprint, environment, release,
    max(h.level) AS level, sum(h.events) AS events, max(h.last_seen) AS last_seen,
    uniqCombinedArrayMergeState(12)(h.users) AS users
FROM errata.issue_hour_local AS h
GROUP BY project_id, day, fingerprint, environment, release;

CREATE TABLE IF NOT EXISTS errata.issue_day ON CLUSTER prod AS errata.issue_day_local ENGINE = Distributed('prod', 'errata', 'issue_day_local', cityHash64(project_id, fingerprint));

-- 011_dimensions.sql
CREATE TABLE IF NOT EXISTS errata.project_minute_local ON CLUSTER prod
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
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/{database}/project_minute', '{replica}', events)
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, environment, release, service, level, handled, protocol)
TTL minute + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.project_minute_mv ON CLUSTER prod TO errata.project_minute_local AS
SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, environment, release, service, level, handled, protocol,
    sum(toUInt64(weight)) AS events
FROM errata.events_local
GROUP BY project_id, minute, environment, release, service, level, handled, protocol;

CREATE TABLE IF NOT EXISTS errata.project_minute ON CLUSTER prod AS errata.project_minute_local ENGINE = Distributed('prod', 'errata', 'project_minute_local', cityHash64(project_id, minute));

CREATE TABLE IF NOT EXISTS errata.issue_release_local ON CLUSTER prod
(
    project_id  UInt32 COMMENT 'As in events.',
    fingerprint UInt64 COMMENT 'As in events.',
    release     LowCardinality(String) COMMENT 'As in events; never empty.',
    environment LowCardinality(String) COMMENT 'As in events.',
    first_seen  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Oldest ts.',
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.',
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).'
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/issue_release', '{replica}')
ORDER BY (project_id, fingerprint, release, environment)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_release_mv ON CLUSTER prod TO errata.issue_release_local AS
SELECT project_id, fingerprint, release, environment,
    min(ts) AS first_seen, max(ts) AS last_seen, sum(toUInt64(weight)) AS events
FROM errata.events_local
WHERE release != ''
GROUP BY project_id, fingerprint, release, environment;

CREATE TABLE IF NOT EXISTS errata.issue_release ON CLUSTER prod AS errata.issue_release_local ENGINE = Distributed('prod', 'errata', 'issue_release_local', cityHash64(project_id, fingerprint));

CREATE TABLE IF NOT EXISTS errata.release_rollup_local ON CLUSTER prod
(
    project_id  UInt32 COMMENT 'As in events.',
    release     String COMMENT 'As in events; never empty.',
    environment LowCardinality(String) COMMENT 'As in events.',
    first_seen  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Oldest ts.',
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Newest ts.',
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).'
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/release_rollup', '{replica}')
ORDER BY (project_id, release, environment)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.release_rollup_mv ON CLUSTER prod TO errata.release_rollup_local AS
SELECT project_id, release, environment,
    min(r.first_seen) AS first_seen, max(r.last_seen) AS last_seen, sum(r.events) AS events
FROM errata.issue_release_local AS r
GROUP BY project_id, release, environment;

CREATE TABLE IF NOT EXISTS errata.release_rollup ON CLUSTER prod AS errata.release_rollup_local ENGINE = Distributed('prod', 'errata', 'release_rollup_local', cityHash64(project_id));

CREATE TABLE IF NOT EXISTS errata.issue_tag_local ON CLUSTER prod
(
    project_id  UInt32 COMMENT 'As in events.',
    fingerprint UInt64 COMMENT 'As in events.' CODEC(ZSTD(1)),
    key         LowCardinality(String) COMMENT 'Tag, or environment, release, level, server_name, transaction, service.',
    day         Date COMMENT 'Day of ts.' CODEC(Delta(2), ZSTD(1)),
    value       String COMMENT 'Value of the tag.' CODEC(ZSTD(1)),
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1)),
    last_seen   SimpleAggregateFunction(max, DateTime('UTC')) COMMENT 'Newest ts.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/issue_tag', '{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, fingerprint, key, day, value)
TTL day + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_tag_mv ON CLUSTER prod TO errata.issue_tag_local AS
SELECT project_id, fingerprint, kv.1 AS key, toDate(ts) AS day, kv.2 AS value,
    sum(toUInt64(weight)) AS events, max(toDateTime(ts, 'UTC')) AS last_seen
FROM errata.events_local
ARRAY JOIN arrayConcat(
    arrayFilter(t -> t.1 NOT IN ('environment', 'release', 'level', 'server_name', 'transaction', 'service'), CAST(tags, 'Array(Tuple(String, String))')),
    [('environment', CAST(environment, 'String')), ('release', CAST(release, 'String')), ('level', CAST(level, 'String')),
     ('server_name', CAST(server_name, 'String')), ('transaction', CAST(transaction, 'String')), ('service', CAST(service, 'String'))]) AS kv
WHERE kv.2 != '' AND length(kv.2) <= 200 AND weight > 0
GROUP BY project_id, fingerprint, key, day, value;

CREATE TABLE IF NOT EXISTS errata.issue_tag ON CLUSTER prod AS errata.issue_tag_local ENGINE = Distributed('prod', 'errata', 'issue_tag_local', cityHash64(project_id, fingerprint));

CREATE TABLE IF NOT EXISTS errata.project_tag_local ON CLUSTER prod
(
    project_id UInt32 COMMENT 'As in events.',
    key        LowCardinality(String) COMMENT 'As in issue_tag.',
    day        Date COMMENT 'Day of ts.' CODEC(Delta(2), ZSTD(1)),
    value      String COMMENT 'Value of the tag.' CODEC(ZSTD(1)),
    events     SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/project_tag', '{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, key, day, value)
TTL day + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.project_tag_mv ON CLUSTER prod TO errata.project_tag_local AS
SELECT project_id, key, day, value, sum(t.events) AS events
FROM errata.issue_tag_local AS t
GROUP BY project_id, key, day, value;

CREATE TABLE IF NOT EXISTS errata.project_tag ON CLUSTER prod AS errata.project_tag_local ENGINE = Distributed('prod', 'errata', 'project_tag_local', cityHash64(project_id, key));

-- 012_traces.sql
CREATE TABLE IF NOT EXISTS errata.trace_index_local ON CLUSTER prod
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/trace_index', '{replica}')
PARTITION BY toMonday(day)
ORDER BY (trace_id, project_id, day)
TTL day + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.trace_events_mv ON CLUSTER prod TO errata.trace_index_local AS
SELECT trace_id, project_id, toDate(ts) AS day, min(ts) AS min_ts, max(ts) AS max_ts,
    sum(toUInt64(weight)) AS errors, toUInt64(0) AS spans, toUInt64(0) AS logs,
    groupUniqArrayIf(CAST(service, 'String'), service != '') AS services, groupUniqArray(fingerprint) AS issues
FROM errata.events_local
WHERE trace_id != ''
GROUP BY trace_id, project_id, day;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.trace_spans_mv ON CLUSTER prod TO errata.trace_index_local AS
SELECT trace_id, project_id, toDate(ts) AS day,
    min(toDateTime64(ts, 3, 'UTC')) AS min_ts, max(toDateTime64(ts + toIntervalMicrosecond(duration_us), 3, 'UTC')) AS max_ts,
    toUInt64(0) AS errors, count() AS spans, toUInt64(0) AS logs,
    groupUniqArrayIf(CAST(service, 'String'), service != '') AS services, groupUniqArrayIf(name, parent_span_id = '') AS roots
FROM errata.spans_local
WHERE trace_id != ''
GROUP BY trace_id, project_id, day;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.trace_logs_mv ON CLUSTER prod TO errata.trace_index_local AS
SELECT trace_id, project_id, toDate(ts) AS day,
    min(toDateTime64(ts, 3, 'UTC')) AS min_ts, max(toDateTime64(ts, 3, 'UTC')) AS max_ts,
    toUInt64(0) AS errors, toUInt64(0) AS spans, count() AS logs,
    groupUniqArrayIf(CAST(service, 'String'), service != '') AS services
FROM errata.logs_local
WHERE trace_id != ''
GROUP BY trace_id, project_id, day;

CREATE TABLE IF NOT EXISTS errata.trace_index ON CLUSTER prod AS errata.trace_index_local ENGINE = Distributed('prod', 'errata', 'trace_index_local', cityHash64(trace_id));

CREATE TABLE IF NOT EXISTS errata.segment_hour_local ON CLUSTER prod
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/segment_hour', '{replica}')
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, service, name, environment, release)
TTL hour + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.segment_hour_mv ON CLUSTER prod TO errata.segment_hour_local AS
SELECT project_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, service, name, environment, release,
    count() AS segments, countIf(status = 'error') AS failed, sum(toFloat64(sample_weight)) AS estimated, sum(duration_us) AS sum_us,
    quantilesTDigestState(0.5, 0.75, 0.95, 0.99)(duration_us) AS duration
FROM errata.spans_local
WHERE is_segment
GROUP BY project_id, hour, service, name, environment, release;

CREATE TABLE IF NOT EXISTS errata.segment_hour ON CLUSTER prod AS errata.segment_hour_local ENGINE = Distributed('prod', 'errata', 'segment_hour_local', cityHash64(project_id, service));

CREATE TABLE IF NOT EXISTS errata.session_hour_local ON CLUSTER prod
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/session_hour', '{replica}')
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, release, environment)
TTL hour + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.session_hour_mv ON CLUSTER prod TO errata.session_hour_local AS
SELECT project_id, toStartOfHour(toDateTime(s.started, 'UTC')) AS hour, release, environment,
    sumIf(toUInt64(quantity), init OR session_id = toUUID('00000000-0000-0000-0000-000000000000')) AS started, sumIf(toUInt64(quantity), status = 'crashed') AS crashed,
    sumIf(toUInt64(quantity), status = 'abnormal') AS abnormal, sumIf(toUInt64(quantity), status = 'unhandled') AS unhandled,
    sumIf(toUInt64(quantity), session_id = toUUID('00000000-0000-0000-0000-000000000000') AND (errors > 0 OR status != 'exited' AND status != 'ok')) AS errored_buckets,
    uniqCombinedStateIf(14)(session_id, session_id != toUUID('00000000-0000-0000-0000-000000000000') AND (errors > 0 OR status IN ('crashed', 'abnormal', 'errored', 'unhandled'))) AS errored,
    uniqCombinedStateIf(14)(user_hash, user_hash != 0) AS users,
    uniqCombinedStateIf(14)(user_hash, user_hash != 0 AND status = 'crashed') AS users_crashed,
    quantilesTDigestStateIf(0.5, 0.9, 0.99)(duration_ms, duration_ms > 0) AS duration
FROM errata.sessions_local AS s
GROUP BY project_id, hour, release, environment;

CREATE TABLE IF NOT EXISTS errata.session_hour ON CLUSTER prod AS errata.session_hour_local ENGINE = Distributed('prod', 'errata', 'session_hour_local', cityHash64(project_id));

-- 013_versions.sql
ALTER TABLE errata.release_rollup_local ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS package String MATERIALIZED extract(release, '^(.*)@') COMMENT 'Of release, before the @.',
    ADD COLUMN IF NOT EXISTS version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))) MATERIALIZED arrayElement(arrayMap(g -> (length(g) > 0, toUInt32OrZero(g[1]), toUInt32OrZero(g[2]), toUInt32OrZero(g[3]), toUInt32OrZero(g[4]), g[5] = '', arrayMap(p -> (NOT match(p, '^[0-9]{1,18}$'), toUInt64OrZero(p), p), splitByChar('.', g[5]))), [extractGroups(release, '^(?:.*@)?v?([0-9]{1,9})\\.([0-9]{1,9})(?:\\.([0-9]{1,9}))?(?:\\.([0-9]{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]*)?$')]), 1) COMMENT 'Of release: 1 where it is a version, its numbers, 1 where final, pre-release parts. Orders as semantic versions do.';

ALTER TABLE errata.release_rollup ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS package String,
    ADD COLUMN IF NOT EXISTS version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String)));

ALTER TABLE errata.issue_actions ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS in_package String MATERIALIZED extract(in_release, '^(.*)@') COMMENT 'Of in_release, before the @.',
    ADD COLUMN IF NOT EXISTS in_version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))) MATERIALIZED arrayElement(arrayMap(g -> (length(g) > 0, toUInt32OrZero(g[1]), toUInt32OrZero(g[2]), toUInt32OrZero(g[3]), toUInt32OrZero(g[4]), g[5] = '', arrayMap(p -> (NOT match(p, '^[0-9]{1,18}$'), toUInt64OrZero(p), p), splitByChar('.', g[5]))), [extractGroups(in_release, '^(?:.*@)?v?([0-9]{1,9})\\.([0-9]{1,9})(?:\\.([0-9]{1,9}))?(?:\\.([0-9]{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]*)?$')]), 1) COMMENT 'Of in_release, as version in release_rollup.';

-- 014_regroup.sql
CREATE TABLE IF NOT EXISTS errata.regroup_moves_local ON CLUSTER prod
(
    project_id UInt32 COMMENT 'As in events.',
    run        UUID COMMENT 'The regrouping: bulk_id of its actions in issue_actions.',
    event_id   UUID COMMENT 'As in events.',
    origin     UInt64 COMMENT 'Fingerprint before.' CODEC(ZSTD(1)),
    target     UInt64 COMMENT 'Fingerprint after.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/regroup_moves', '{replica}')
ORDER BY (project_id, run, event_id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.regroup_moves ON CLUSTER prod AS errata.regroup_moves_local ENGINE = Distributed('prod', 'errata', 'regroup_moves_local', cityHash64(project_id, event_id));

-- 015_outer_span.sql
ALTER TABLE errata.events_local ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS outer_span_id String COMMENT 'Sentry: empty. OTLP: parent of the outermost span that recorded this exception.' CODEC(ZSTD(1));

ALTER TABLE errata.events ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS outer_span_id String;

-- 016_span_event.sql
ALTER TABLE errata.spans_local ON CLUSTER prod
    ADD INDEX IF NOT EXISTS ix_event event_id TYPE bloom_filter(0.01) GRANULARITY 1;

-- 020_tag_trend.sql
CREATE TABLE IF NOT EXISTS errata.tag_trend_local ON CLUSTER prod
(
    project_id  UInt32 COMMENT 'As in events.',
    key         LowCardinality(String) COMMENT 'Key in tags of events; empty, with an empty value, for all events.',
    slot        DateTime('UTC') COMMENT 'Start of the five minutes of ts.' CODEC(Delta(4), ZSTD(1)),
    environment LowCardinality(String) COMMENT 'As in events.',
    value       String COMMENT 'Value of the tag.' CODEC(ZSTD(1)),
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/tag_trend', '{replica}')
PARTITION BY toYYYYMM(slot)
ORDER BY (project_id, key, slot, environment, value)
TTL slot + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.tag_trend_mv ON CLUSTER prod TO errata.tag_trend_local AS
SELECT project_id, kv.1 AS key, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment, kv.2 AS value,
    sum(toUInt64(weight)) AS events
FROM errata.events_local
ARRAY JOIN arrayPushBack(CAST(tags, 'Array(Tuple(String, String))'), ('', '')) AS kv
WHERE kv.2 != '' OR kv.1 = ''
GROUP BY project_id, key, slot, environment, value;

CREATE TABLE IF NOT EXISTS errata.tag_trend ON CLUSTER prod AS errata.tag_trend_local ENGINE = Distributed('prod', 'errata', 'tag_trend_local', cityHash64(project_id, key));

CREATE TABLE IF NOT EXISTS errata.rollup_since ON CLUSTER prod
(
    rollup LowCardinality(String) COMMENT 'Table.',
    since  DateTime('UTC') COMMENT 'It has every event whose ts is not before; the latest of several rows holds.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/all/{database}/rollup_since', '{replica}')
ORDER BY rollup
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

INSERT INTO errata.rollup_since (rollup, since)
SELECT 'tag_trend', if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM errata.events)
WHERE (SELECT count() FROM errata.rollup_since WHERE rollup = 'tag_trend') = 0;

-- 030_sources.sql
ALTER TABLE errata.events_local ON CLUSTER prod 
    COMMENT COLUMN weight 'Both: occurrences: 1; 0 for a twin; N for a counted flood row.',
    COMMENT COLUMN twin_of 'Both: event that counts for this witness; zero where this row counts itself.',
    COMMENT COLUMN protocol 'Both: witness: Sentry envelope or store, OTLP span event, OTLP log record.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.',
    COMMENT COLUMN outer_span_id 'Sentry: empty. OTLP: parent of the outermost span that recorded this exception.';

ALTER TABLE errata.events ON CLUSTER prod 
    COMMENT COLUMN weight 'Both: occurrences: 1; 0 for a twin; N for a counted flood row.',
    COMMENT COLUMN twin_of 'Both: event that counts for this witness; zero where this row counts itself.',
    COMMENT COLUMN protocol 'Both: witness: Sentry envelope or store, OTLP span event, OTLP log record.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.',
    COMMENT COLUMN outer_span_id 'Sentry: empty. OTLP: parent of the outermost span that recorded this exception.';

ALTER TABLE errata.spans_local ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.';

ALTER TABLE errata.spans ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.';

ALTER TABLE errata.logs_local ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.';

ALTER TABLE errata.logs ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.';

ALTER TABLE errata.sessions_local ON CLUSTER prod 
    COMMENT COLUMN started 'Sentry: started of a session, or of a bucket of aggregates. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: timestamp of the update. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN session_id 'Sentry: sid; zero for a bucket of aggregates. OTLP: none.',
    COMMENT COLUMN user_hash 'Sentry: hash of did; 0 where unknown. OTLP: none.',
    COMMENT COLUMN seq 'Sentry: seq. OTLP: none.',
    COMMENT COLUMN init 'Sentry: init. OTLP: none.',
    COMMENT COLUMN status 'Sentry: status, or the counter of a bucket. OTLP: none.',
    COMMENT COLUMN errors 'Sentry: errors. OTLP: none.',
    COMMENT COLUMN quantity 'Sentry: 1, or the count of a bucket. OTLP: none.',
    COMMENT COLUMN duration_ms 'Sentry: duration. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: attrs.environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: attrs.release. OTLP: none.',
    COMMENT COLUMN sdk_name 'Sentry: sdk of the envelope. OTLP: none.',
    COMMENT COLUMN os 'Sentry: attrs.os or contexts. OTLP: none.',
    COMMENT COLUMN topic_partition 'Sentry: Kafka partition of the record. OTLP: none.',
    COMMENT COLUMN topic_offset 'Sentry: Kafka offset of the record. OTLP: none.';

ALTER TABLE errata.sessions ON CLUSTER prod 
    COMMENT COLUMN started 'Sentry: started of a session, or of a bucket of aggregates. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: timestamp of the update. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN session_id 'Sentry: sid; zero for a bucket of aggregates. OTLP: none.',
    COMMENT COLUMN user_hash 'Sentry: hash of did; 0 where unknown. OTLP: none.',
    COMMENT COLUMN seq 'Sentry: seq. OTLP: none.',
    COMMENT COLUMN init 'Sentry: init. OTLP: none.',
    COMMENT COLUMN status 'Sentry: status, or the counter of a bucket. OTLP: none.',
    COMMENT COLUMN errors 'Sentry: errors. OTLP: none.',
    COMMENT COLUMN quantity 'Sentry: 1, or the count of a bucket. OTLP: none.',
    COMMENT COLUMN duration_ms 'Sentry: duration. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: attrs.environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: attrs.release. OTLP: none.',
    COMMENT COLUMN sdk_name 'Sentry: sdk of the envelope. OTLP: none.',
    COMMENT COLUMN os 'Sentry: attrs.os or contexts. OTLP: none.',
    COMMENT COLUMN topic_partition 'Sentry: Kafka partition of the record. OTLP: none.',
    COMMENT COLUMN topic_offset 'Sentry: Kafka offset of the record. OTLP: none.';

ALTER TABLE errata.check_ins_local ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN check_in_id 'Sentry: check_in_id. OTLP: none.',
    COMMENT COLUMN monitor 'Sentry: monitor_slug. OTLP: none.',
    COMMENT COLUMN status 'Sentry: in_progress, ok, error; computed: missed, timeout. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: when the check-in came. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN duration_ms 'Sentry: duration. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: release. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: contexts.trace.trace_id. OTLP: none.',
    COMMENT COLUMN expected_at 'Sentry: for missed ones: when it should have come. OTLP: none.';

ALTER TABLE errata.check_ins ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN check_in_id 'Sentry: check_in_id. OTLP: none.',
    COMMENT COLUMN monitor 'Sentry: monitor_slug. OTLP: none.',
    COMMENT COLUMN status 'Sentry: in_progress, ok, error; computed: missed, timeout. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: when the check-in came. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN duration_ms 'Sentry: duration. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: release. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: contexts.trace.trace_id. OTLP: none.',
    COMMENT COLUMN expected_at 'Sentry: for missed ones: when it should have come. OTLP: none.';

ALTER TABLE errata.monitors_local ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN slug 'Sentry: monitor_slug. OTLP: none.',
    COMMENT COLUMN schedule_type 'Sentry: monitor_config.schedule.type: crontab or interval. OTLP: none.',
    COMMENT COLUMN schedule 'Sentry: monitor_config.schedule: crontab text, or "N unit". OTLP: none.',
    COMMENT COLUMN checkin_margin_min 'Sentry: monitor_config.checkin_margin, minutes. OTLP: none.',
    COMMENT COLUMN max_runtime_min 'Sentry: monitor_config.max_runtime, minutes. OTLP: none.',
    COMMENT COLUMN timezone 'Sentry: monitor_config.timezone. OTLP: none.',
    COMMENT COLUMN failure_issue_threshold 'Sentry: monitor_config.failure_issue_threshold. OTLP: none.',
    COMMENT COLUMN recovery_threshold 'Sentry: monitor_config.recovery_threshold. OTLP: none.',
    COMMENT COLUMN updated_at 'Sentry: when this configuration came; the newest wins. OTLP: none.';

ALTER TABLE errata.monitors ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN slug 'Sentry: monitor_slug. OTLP: none.',
    COMMENT COLUMN schedule_type 'Sentry: monitor_config.schedule.type: crontab or interval. OTLP: none.',
    COMMENT COLUMN schedule 'Sentry: monitor_config.schedule: crontab text, or "N unit". OTLP: none.',
    COMMENT COLUMN checkin_margin_min 'Sentry: monitor_config.checkin_margin, minutes. OTLP: none.',
    COMMENT COLUMN max_runtime_min 'Sentry: monitor_config.max_runtime, minutes. OTLP: none.',
    COMMENT COLUMN timezone 'Sentry: monitor_config.timezone. OTLP: none.',
    COMMENT COLUMN failure_issue_threshold 'Sentry: monitor_config.failure_issue_threshold. OTLP: none.',
    COMMENT COLUMN recovery_threshold 'Sentry: monitor_config.recovery_threshold. OTLP: none.',
    COMMENT COLUMN updated_at 'Sentry: when this configuration came; the newest wins. OTLP: none.';

ALTER TABLE errata.metrics_local ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN type 'Sentry: type (counter, gauge, distribution, set). OTLP: kind of the metric (counter for a sum, gauge, histogram, exponential_histogram, summary).',
    COMMENT COLUMN min 'Sentry: none. OTLP: min of a histogram.',
    COMMENT COLUMN max 'Sentry: none. OTLP: max of a histogram.',
    COMMENT COLUMN bounds 'Sentry: none. OTLP: explicit bounds.',
    COMMENT COLUMN buckets 'Sentry: none. OTLP: bucket counts.',
    COMMENT COLUMN monotonic 'Sentry: none. OTLP: is_monotonic of a sum.',
    COMMENT COLUMN temporality 'Sentry: 0. OTLP: aggregation_temporality, 1 delta, 2 cumulative.',
    COMMENT COLUMN release 'Sentry: sentry.release. OTLP: service.version as sent, else sentry.release.',
    COMMENT COLUMN resource 'Sentry: none. OTLP: resource attributes.';

ALTER TABLE errata.metrics ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN type 'Sentry: type (counter, gauge, distribution, set). OTLP: kind of the metric (counter for a sum, gauge, histogram, exponential_histogram, summary).',
    COMMENT COLUMN min 'Sentry: none. OTLP: min of a histogram.',
    COMMENT COLUMN max 'Sentry: none. OTLP: max of a histogram.',
    COMMENT COLUMN bounds 'Sentry: none. OTLP: explicit bounds.',
    COMMENT COLUMN buckets 'Sentry: none. OTLP: bucket counts.',
    COMMENT COLUMN monotonic 'Sentry: none. OTLP: is_monotonic of a sum.',
    COMMENT COLUMN temporality 'Sentry: 0. OTLP: aggregation_temporality, 1 delta, 2 cumulative.',
    COMMENT COLUMN release 'Sentry: sentry.release. OTLP: service.version as sent, else sentry.release.',
    COMMENT COLUMN resource 'Sentry: none. OTLP: resource attributes.';

ALTER TABLE errata.attachments_local ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN event_id 'Sentry: event_id of the envelope. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: when it came. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN name 'Sentry: filename. OTLP: none.',
    COMMENT COLUMN type 'Sentry: attachment_type. OTLP: none.',
    COMMENT COLUMN content_type 'Sentry: content_type. OTLP: none.',
    COMMENT COLUMN item_type 'Sentry: item type: attachment, minidump, profile, replay_recording. OTLP: none.',
    COMMENT COLUMN size 'Sentry: bytes. OTLP: none.',
    COMMENT COLUMN key 'Sentry: key in the blob store; empty where the body was not kept. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: trace of the event. OTLP: none.';

ALTER TABLE errata.attachments ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN event_id 'Sentry: event_id of the envelope. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: when it came. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN name 'Sentry: filename. OTLP: none.',
    COMMENT COLUMN type 'Sentry: attachment_type. OTLP: none.',
    COMMENT COLUMN content_type 'Sentry: content_type. OTLP: none.',
    COMMENT COLUMN item_type 'Sentry: item type: attachment, minidump, profile, replay_recording. OTLP: none.',
    COMMENT COLUMN size 'Sentry: bytes. OTLP: none.',
    COMMENT COLUMN key 'Sentry: key in the blob store; empty where the body was not kept. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: trace of the event. OTLP: none.';

ALTER TABLE errata.feedback_local ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN feedback_id 'Sentry: event_id of the feedback item; derived for user reports. OTLP: none.',
    COMMENT COLUMN event_id 'Sentry: associated_event_id, or event_id of a user report; zero where none. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: timestamp. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN name 'Sentry: contexts.feedback.name. OTLP: none.',
    COMMENT COLUMN email 'Sentry: contexts.feedback.contact_email. OTLP: none.',
    COMMENT COLUMN message 'Sentry: contexts.feedback.message, or comments. OTLP: none.',
    COMMENT COLUMN url 'Sentry: contexts.feedback.url. OTLP: none.',
    COMMENT COLUMN source 'Sentry: contexts.feedback.source. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: release. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: contexts.trace.trace_id. OTLP: none.',
    COMMENT COLUMN replay_id 'Sentry: contexts.feedback.replay_id. OTLP: none.';

ALTER TABLE errata.feedback ON CLUSTER prod 
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN feedback_id 'Sentry: event_id of the feedback item; derived for user reports. OTLP: none.',
    COMMENT COLUMN event_id 'Sentry: associated_event_id, or event_id of a user report; zero where none. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: timestamp. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN name 'Sentry: contexts.feedback.name. OTLP: none.',
    COMMENT COLUMN email 'Sentry: contexts.feedback.contact_email. OTLP: none.',
    COMMENT COLUMN message 'Sentry: contexts.feedback.message, or comments. OTLP: none.',
    COMMENT COLUMN url 'Sentry: contexts.feedback.url. OTLP: none.',
    COMMENT COLUMN source 'Sentry: contexts.feedback.source. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: release. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: contexts.trace.trace_id. OTLP: none.',
    COMMENT COLUMN replay_id 'Sentry: contexts.feedback.replay_id. OTLP: none.';

ALTER TABLE errata.outcomes_local ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought the items; unknown for receipts.',
    COMMENT COLUMN quantity 'Both: items.',
    COMMENT COLUMN bytes 'Both: bytes of the items as received.';

ALTER TABLE errata.outcomes ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought the items; unknown for receipts.',
    COMMENT COLUMN quantity 'Both: items.',
    COMMENT COLUMN bytes 'Both: bytes of the items as received.';

ALTER TABLE errata.event_outcomes_local ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.';

ALTER TABLE errata.event_outcomes ON CLUSTER prod 
    COMMENT COLUMN protocol 'Both: which protocol brought it.';

-- 041_merge_old_parts.sql
ALTER TABLE errata.issue_rollup_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 600, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.release_rollup_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 600, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.issue_release_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.issue_hour_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.issue_day_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.issue_tag_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.project_tag_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.tag_trend_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.project_minute_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.trace_index_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.segment_hour_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

ALTER TABLE errata.session_hour_local ON CLUSTER prod MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1;

-- 061_issue_day_by_issue.sql
ALTER TABLE errata.issue_day_local ON CLUSTER prod MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';

ALTER TABLE errata.issue_day_local ON CLUSTER prod
    ADD PROJECTION IF NOT EXISTS by_issue (SELECT project_id, fingerprint, day, environment, release, events, users ORDER BY project_id, fingerprint, day)
    WITH SETTINGS (index_granularity = 256);

ALTER TABLE errata.issue_day_local ON CLUSTER prod MATERIALIZE PROJECTION by_issue;

-- 065_stored_size.sql
CREATE TABLE IF NOT EXISTS errata.stored_size_local ON CLUSTER prod
(
    project_id  UInt32 COMMENT 'As in events.',
    kind        LowCardinality(String) COMMENT 'Dimension: protocol, level, environment, release, service, sdk, issue.',
    slot        DateTime('UTC') COMMENT 'Start of the minute of ts of kind protocol, of the hour of the others.' CODEC(Delta(4), ZSTD(1)),
    value       String COMMENT 'Value of the dimension; sdk is its name and version; empty of an issue.' CODEC(ZSTD(1)),
    fingerprint UInt64 COMMENT 'Of kind issue, as in events; else 0.' CODEC(ZSTD(1)),
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1)),
    stored      SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows, twins included.' CODEC(T64, ZSTD(1)),
    bytes       SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(payload_bytes).' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/stored_size', '{replica}')
PARTITION BY toYYYYMM(slot)
ORDER BY (project_id, kind, slot, value, fingerprint)
TTL slot + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.stored_size_mv ON CLUSTER prod TO errata.stored_size_local AS
SELECT project_id, part.1 AS kind, part.2 AS slot, part.3 AS value, part.4 AS fingerprint, sum(n) AS events, sum(r) AS stored, sum(b) AS bytes
FROM (
    SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, fingerprint AS print, protocol, level, environment, release, service, sdk_name, sdk_version,
        sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b
    FROM errata.events_local
    GROUP BY project_id, minute, print, protocol, level, environment, release, service, sdk_name, sdk_version)
ARRAY JOIN [('protocol', minute, toString(protocol), toUInt64(0)), ('level', toStartOfHour(minute), toString(level), 0), ('environment', toStartOfHour(minute), CAST(environment, 'String'), 0),
    ('release', toStartOfHour(minute), CAST(release, 'String'), 0), ('service', toStartOfHour(minute), CAST(service, 'String'), 0),
    ('sdk', toStartOfHour(minute), concat(sdk_name, ' ', sdk_version), 0), ('issue', toStartOfHour(minute), '', print)] AS part
GROUP BY project_id, kind, slot, value, fingerprint;

CREATE TABLE IF NOT EXISTS errata.stored_size ON CLUSTER prod AS errata.stored_size_local ENGINE = Distributed('prod', 'errata', 'stored_size_local', cityHash64(project_id, fingerprint));

ALTER TABLE errata.tag_trend_local ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS stored SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows, twins included.' CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS bytes SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(payload_bytes).' CODEC(T64, ZSTD(1));

ALTER TABLE errata.tag_trend ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS stored SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows, twins included.',
    ADD COLUMN IF NOT EXISTS bytes SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(payload_bytes).';

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.tag_size_mv ON CLUSTER prod TO errata.tag_trend_local AS
SELECT project_id, kv.1 AS key, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment, kv.2 AS value,
    count() AS stored, sum(toUInt64(payload_bytes)) AS bytes
FROM errata.events_local
ARRAY JOIN arrayPushBack(CAST(tags, 'Array(Tuple(String, String))'), ('', '')) AS kv
WHERE kv.2 != '' OR kv.1 = ''
GROUP BY project_id, key, slot, environment, value;

INSERT INTO errata.rollup_since (rollup, since)
SELECT arrayJoin(['stored_size', 'tag_trend.bytes']), if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM errata.events)
WHERE (SELECT count() FROM errata.rollup_since WHERE rollup = 'stored_size') = 0;

-- 071_merge_by_columns.sql
ALTER TABLE errata.events_local ON CLUSTER prod MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 1;

-- 076_metric_ids.sql
ALTER TABLE errata.metrics_local ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS metric_id UInt64 COMMENT 'Both: derived from the content, so that a retried request gives the same id; 0 before there were ids.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS topic_partition UInt16 COMMENT 'Both: Kafka partition of the record.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS topic_offset Int64 COMMENT 'Both: Kafka offset of the record.' CODEC(Delta(8), ZSTD(1));

ALTER TABLE errata.metrics ON CLUSTER prod
    ADD COLUMN IF NOT EXISTS metric_id UInt64,
    ADD COLUMN IF NOT EXISTS topic_partition UInt16,
    ADD COLUMN IF NOT EXISTS topic_offset Int64;

-- 081_tag_issue.sql
CREATE TABLE IF NOT EXISTS errata.tag_issue_local ON CLUSTER prod
(
    project_id  UInt32 COMMENT 'As in events.',
    tag         UInt64 COMMENT 'cityHash64 of key and value, both as in issue_tag.' CODEC(LZ4),
    fingerprint UInt64 COMMENT 'As in events.' CODEC(LZ4),
    month       SimpleAggregateFunction(max, Date) COMMENT 'First day of the month; one in each partition.' CODEC(LZ4),
    days        SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days of the month on which the issue had the tag: bit 0 is the first.' CODEC(LZ4)
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/tag_issue', '{replica}')
PARTITION BY toYYYYMM(month)
ORDER BY (project_id, tag, fingerprint)
TTL toLastDayOfMonth(month) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.tag_issue_mv ON CLUSTER prod TO errata.tag_issue_local AS
SELECT project_id, cityHash64(CAST(key, 'String'), value) AS tag, fingerprint, toStartOfMonth(day) AS month,
    bitShiftLeft(toUInt32(1), toDayOfMonth(day) - 1) AS days
FROM errata.issue_tag_local;

CREATE TABLE IF NOT EXISTS errata.tag_issue ON CLUSTER prod AS errata.tag_issue_local ENGINE = Distributed('prod', 'errata', 'tag_issue_local', cityHash64(project_id, fingerprint));

INSERT INTO errata.rollup_since (rollup, since)
SELECT 'tag_issue', if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM errata.events)
WHERE (SELECT count() FROM errata.rollup_since WHERE rollup = 'tag_issue') = 0;

-- 085_received_delay.sql
CREATE TABLE IF NOT EXISTS errata.received_delay_local ON CLUSTER prod
(
    project_id UInt32 COMMENT 'As in events.',
    slot       DateTime('UTC') COMMENT 'Start of the five minutes of ts.' CODEC(Delta(4), ZSTD(1)),
    received   DateTime('UTC') COMMENT 'Start of the five minutes of received_at.' CODEC(Delta(4), ZSTD(1)),
    delay      Int64 COMMENT 'Milliseconds from ts to received_at, as above; below zero where a clock is ahead.' CODEC(ZSTD(1)),
    stored     UInt64 COMMENT 'Rows, twins included.' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/{database}/received_delay', '{replica}', stored)
PARTITION BY toYYYYMM(slot)
ORDER BY (project_id, slot, received, delay)
TTL slot + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.received_delay_mv ON CLUSTER prod TO errata.received_delay_local AS
WITH toUnixTimestamp64Milli(received_at) - toUnixTimestamp64Milli(ts) AS exact,
    abs(exact) AS size,
    greatest(intDiv(roundToExp2(size), 32), 1) AS step
SELECT project_id, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, toStartOfFiveMinutes(toDateTime(received_at, 'UTC')) AS received,
    toInt64(sign(exact) * (intDiv(size, step) * step + intDiv(step, 2))) AS delay, count() AS stored
FROM errata.events_local
GROUP BY project_id, slot, received, delay;

CREATE TABLE IF NOT EXISTS errata.received_delay ON CLUSTER prod AS errata.received_delay_local ENGINE = Distributed('prod', 'errata', 'received_delay_local', cityHash64(project_id, slot));

INSERT INTO errata.rollup_since (rollup, since)
SELECT 'received_delay', if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM errata.events)
WHERE (SELECT count() FROM errata.rollup_since WHERE rollup = 'received_delay') = 0;

-- 091_views_by_hash.sql
ALTER TABLE errata.events_local ON CLUSTER prod MODIFY SETTING max_parts_in_total = 0;

DROP VIEW IF EXISTS errata.issue_tag_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_tag_mv ON CLUSTER prod TO errata.issue_tag_local AS
SELECT project_id, fingerprint, any(k) AS key, day, any(v) AS value, sum(w) AS events, max(at) AS last_seen
FROM (
    SELECT project_id, fingerprint, toDate(ts) AS day, toUInt64(weight) AS w, toDateTime(ts, 'UTC') AS at,
        arrayConcat(['environment', 'release', 'level', 'server_name', 'transaction', 'service'], mapKeys(tags)) AS names,
        arrayConcat([toString(environment), toString(release), toString(level), toString(server_name), toString(transaction), toString(service)], mapValues(tags)) AS texts,
        arrayEnumerate(texts) AS places
    FROM errata.events_local
    WHERE weight > 0)
ARRAY JOIN names AS k, texts AS v, places AS place
WHERE (place <= 6 OR k NOT IN ('environment', 'release', 'level', 'server_name', 'transaction', 'service')) AND v != '' AND length(v) <= 200
GROUP BY project_id, fingerprint, day, cityHash64(k, v)
COMMENT '091_views_by_hash.sql';

DROP VIEW IF EXISTS errata.project_tag_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.project_tag_mv ON CLUSTER prod TO errata.project_tag_local AS
SELECT project_id, any(t.key) AS key, day, any(t.value) AS value, sum(t.events) AS events
FROM errata.issue_tag_local AS t
GROUP BY project_id, day, cityHash64(t.key, t.value)
COMMENT '091_views_by_hash.sql';

DROP VIEW IF EXISTS errata.tag_trend_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.tag_trend_mv ON CLUSTER prod TO errata.tag_trend_local AS
SELECT project_id, any(k) AS key, slot, any(env) AS environment, any(v) AS value, sum(w) AS events
FROM (
    SELECT project_id, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment AS env, toUInt64(weight) AS w,
        arrayPushBack(mapKeys(tags), '') AS names, arrayPushBack(mapValues(tags), '') AS texts
    FROM errata.events_local)
ARRAY JOIN names AS k, texts AS v
WHERE v != '' OR k = ''
GROUP BY project_id, slot, cityHash64(env, k, v)
COMMENT '091_views_by_hash.sql';

DROP VIEW IF EXISTS errata.tag_size_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.tag_size_mv ON CLUSTER prod TO errata.tag_trend_local AS
SELECT project_id, any(k) AS key, slot, any(env) AS environment, any(v) AS value, count() AS stored, sum(b) AS bytes
FROM (
    SELECT project_id, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment AS env, toUInt64(payload_bytes) AS b,
        arrayPushBack(mapKeys(tags), '') AS names, arrayPushBack(mapValues(tags), '') AS texts
    FROM errata.events_local)
ARRAY JOIN names AS k, texts AS v
WHERE v != '' OR k = ''
GROUP BY project_id, slot, cityHash64(env, k, v)
COMMENT '091_views_by_hash.sql';

DROP VIEW IF EXISTS errata.stored_size_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.stored_size_mv ON CLUSTER prod TO errata.stored_size_local AS
SELECT project_id, part.1 AS kind, part.2 AS slot, part.3 AS value, part.4 AS fingerprint, sum(n) AS events, sum(r) AS stored, sum(b) AS bytes
FROM (
    SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, fingerprint AS print, protocol, level, environment, release, service, sdk_name, sdk_version,
        grouping(print) AS of_issue, sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b
    FROM errata.events_local
    GROUP BY GROUPING SETS ((project_id, hour, print), (project_id, minute, protocol, level, environment, release, service, sdk_name, sdk_version)))
ARRAY JOIN if(of_issue = 0, [('issue', hour, '', print)],
    [('protocol', minute, toString(protocol), toUInt64(0)), ('level', toStartOfHour(minute), toString(level), 0), ('environment', toStartOfHour(minute), CAST(environment, 'String'), 0),
    ('release', toStartOfHour(minute), CAST(release, 'String'), 0), ('service', toStartOfHour(minute), CAST(service, 'String'), 0),
    ('sdk', toStartOfHour(minute), concat(sdk_name, ' ', sdk_version), 0)]) AS part
GROUP BY project_id, kind, slot, value, fingerprint
COMMENT '091_views_by_hash.sql';

DROP VIEW IF EXISTS errata.trace_events_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.trace_events_mv ON CLUSTER prod TO errata.trace_index_local AS
SELECT trace_id, project_id, toDate(ts) AS day, ts AS min_ts, ts AS max_ts, toUInt64(weight) AS errors, toUInt64(0) AS spans, toUInt64(0) AS logs,
    if(service = '', [], [CAST(service, 'String')]) AS services, [fingerprint] AS issues
FROM errata.events_local
WHERE trace_id != ''
COMMENT '091_views_by_hash.sql';

DROP VIEW IF EXISTS errata.issue_rollup_mv ON CLUSTER prod SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.issue_rollup_mv ON CLUSTER prod TO errata.issue_rollup_local AS
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
    FROM errata.events_local
    GROUP BY project_id, fingerprint)
COMMENT '091_views_by_hash.sql';

ALTER TABLE errata.events_local ON CLUSTER prod RESET SETTING max_parts_in_total;

-- 101_issue_hour_by_issue.sql
ALTER TABLE errata.issue_hour_local ON CLUSTER prod MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';

ALTER TABLE errata.issue_hour_local ON CLUSTER prod
    ADD PROJECTION IF NOT EXISTS by_issue (SELECT project_id, fingerprint, hour, environment, release, events, users ORDER BY project_id, fingerprint, hour)
    WITH SETTINGS (index_granularity = 256);

ALTER TABLE errata.issue_hour_local ON CLUSTER prod MATERIALIZE PROJECTION by_issue;

-- 105_events_read_faster.sql
ALTER TABLE errata.events_local ON CLUSTER prod MODIFY COLUMN ts CODEC(T64, LZ4), MODIFY COLUMN title CODEC(LZ4), MODIFY COLUMN tags CODEC(LZ4);

-- 116_replayed.sql
CREATE TABLE IF NOT EXISTS errata.replayed_local ON CLUSTER prod
(
    topic           LowCardinality(String) COMMENT 'Topic of the record, without the prefix of the installation.',
    topic_partition UInt16 COMMENT 'Kafka partition of the record that was sent again.' CODEC(ZSTD(1)),
    topic_offset    Int64 COMMENT 'Kafka offset of the record that was sent again.' CODEC(Delta(8), ZSTD(1)),
    letter          UInt64 COMMENT 'Of the dead letter: a hash of its place and its content.' CODEC(ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'Stamped once at the edge, when the items came first.' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/replayed', '{replica}')
PARTITION BY toYYYYMM(received_at)
ORDER BY (topic, topic_partition, topic_offset)
TTL toDateTime(received_at) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS errata.replayed ON CLUSTER prod AS errata.replayed_local ENGINE = Distributed('prod', 'errata', 'replayed_local', letter);

-- 117_merge_in_smaller_blocks.sql
ALTER TABLE errata.events_local ON CLUSTER prod MODIFY SETTING merge_max_block_size_bytes = 4194304;

-- 120_words_of_any_alphabet.sql
ALTER TABLE errata.events_local ON CLUSTER prod
    ADD INDEX IF NOT EXISTS ix_text_fold if(isValidASCII(concat(title, ' ', message)), '', lowerUTF8(replaceRegexpAll(concat(title, ' ', message), '[\\p{P}\\p{Z}]+', ' '))) TYPE text(tokenizer = splitByNonAlpha);

ALTER TABLE errata.logs_local ON CLUSTER prod
    ADD INDEX IF NOT EXISTS ix_body_fold if(isValidASCII(body), '', lowerUTF8(replaceRegexpAll(body, '[\\p{P}\\p{Z}]+', ' '))) TYPE text(tokenizer = splitByNonAlpha);

ALTER TABLE errata.events_local ON CLUSTER prod MATERIALIZE INDEX ix_text_fold SETTINGS mutations_sync = 0;

ALTER TABLE errata.logs_local ON CLUSTER prod MATERIALIZE INDEX ix_body_fold SETTINGS mutations_sync = 0;

-- 121_sessions_count_once.sql
ALTER TABLE errata.sessions_local ON CLUSTER prod 
    COMMENT COLUMN init 'Sentry: init, of the first update that says so. OTLP: none.',
    COMMENT COLUMN quantity 'Sentry: 1, or the count of a bucket; 0 where an update before it counted the session as ended like this. OTLP: none.';

ALTER TABLE errata.sessions ON CLUSTER prod 
    COMMENT COLUMN init 'Sentry: init, of the first update that says so. OTLP: none.',
    COMMENT COLUMN quantity 'Sentry: 1, or the count of a bucket; 0 where an update before it counted the session as ended like this. OTLP: none.';

-- 123_known_releases.sql
CREATE MATERIALIZED VIEW IF NOT EXISTS errata.release_sessions_mv ON CLUSTER prod TO errata.release_rollup_local AS
SELECT project_id, release, environment,
    min(s.started) AS first_seen, max(s.started) AS last_seen, toUInt64(0) AS events
FROM errata.sessions_local AS s
WHERE release != ''
GROUP BY project_id, release, environment;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.release_spans_mv ON CLUSTER prod TO errata.release_rollup_local AS
SELECT project_id, release, environment,
    toDateTime64(min(s.ts), 3, 'UTC') AS first_seen, toDateTime64(max(s.ts), 3, 'UTC') AS last_seen, toUInt64(0) AS events
FROM errata.spans_local AS s
WHERE is_segment AND protocol = 'sentry' AND release != ''
GROUP BY project_id, release, environment;

-- 125_merge_more_parts_at_once.sql
ALTER TABLE errata.events_local ON CLUSTER prod MODIFY SETTING merge_selector_base = 10;

-- 126_monitor_schedules.sql
CREATE TABLE IF NOT EXISTS errata.monitor_schedules_local ON CLUSTER prod
(
    project_id    UInt32 COMMENT 'As in monitors.',
    slug          String COMMENT 'As in monitors.',
    schedule_type LowCardinality(String) COMMENT 'As in monitors.',
    schedule      String COMMENT 'As in monitors.',
    timezone      LowCardinality(String) COMMENT 'As in monitors.',
    first_at      SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'When it came first.',
    last_at       SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When it came last.'
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/monitor_schedules', '{replica}')
ORDER BY (project_id, slug, schedule_type, schedule, timezone)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS errata.monitor_schedules_mv ON CLUSTER prod TO errata.monitor_schedules_local AS
SELECT project_id, slug, schedule_type, schedule, timezone, min(m.updated_at) AS first_at, max(m.updated_at) AS last_at
FROM errata.monitors_local AS m
GROUP BY project_id, slug, schedule_type, schedule, timezone;

CREATE TABLE IF NOT EXISTS errata.monitor_schedules ON CLUSTER prod AS errata.monitor_schedules_local ENGINE = Distributed('prod', 'errata', 'monitor_schedules_local', cityHash64(project_id, slug));

-- 127_check_ins_by_id.sql
ALTER TABLE errata.check_ins_local ON CLUSTER prod
    ADD INDEX IF NOT EXISTS ix_check_in check_in_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE errata.check_ins_local ON CLUSTER prod MATERIALIZE INDEX ix_check_in SETTINGS mutations_sync = 0;

-- views/001_merge.sql
CREATE OR REPLACE VIEW errata.issue_merges ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    fingerprint UInt64 COMMENT 'Both: of the events that moved.',
    survivor UInt64 COMMENT 'Of the triage log: fingerprint of the issue that they belong to now.'
) AS
SELECT project_id, fingerprint, argMax(into, (at, action_id)) AS survivor
FROM errata.issue_actions
WHERE action IN ('merge', 'split')
    AND action_id NOT IN (SELECT target_action FROM errata.issue_actions WHERE action = 'undo')
GROUP BY project_id, fingerprint;

CREATE OR REPLACE DICTIONARY errata.issue_of ON CLUSTER prod
(
    project_id UInt32,
    fingerprint UInt64,
    survivor UInt64
)
PRIMARY KEY project_id, fingerprint
SOURCE(CLICKHOUSE(USER 'errata' PASSWORD '[HIDDEN]' DB 'errata' QUERY 'SELECT project_id, fingerprint, survivor FROM errata.issue_merges'))
LIFETIME(MIN 1 MAX 2)
LAYOUT(COMPLEX_KEY_HASHED())
COMMENT 'Fingerprint to the fingerprint of the issue that it was merged into.';

-- views/002_issue_alias.sql
ALTER TABLE errata.events_local ON CLUSTER prod ADD COLUMN IF NOT EXISTS issue String ALIAS lower(leftPad(hex(dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint)), 16, '0')) COMMENT 'Both: 16 hex digits of the issue, merges applied.';

ALTER TABLE errata.events ON CLUSTER prod ADD COLUMN IF NOT EXISTS issue String ALIAS lower(leftPad(hex(dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint)), 16, '0')) COMMENT 'Both: 16 hex digits of the issue, merges applied.';

ALTER TABLE errata.logs_local ON CLUSTER prod ADD COLUMN IF NOT EXISTS issue String ALIAS if(fingerprint = 0, '', lower(leftPad(hex(dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint)), 16, '0'))) COMMENT 'Both: 16 hex digits of the issue that the record made; empty where none.';

ALTER TABLE errata.logs ON CLUSTER prod ADD COLUMN IF NOT EXISTS issue String ALIAS if(fingerprint = 0, '', lower(leftPad(hex(dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint)), 16, '0'))) COMMENT 'Both: 16 hex digits of the issue that the record made; empty where none.';

-- views/010_issue_state.sql
CREATE OR REPLACE VIEW errata.issue_state ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    fingerprint UInt64 COMMENT 'Both: of the issue; a number.',
    issue String COMMENT 'Both: 16 hex digits of the issue.',
    status String COMMENT 'Computed: ongoing, regressed, resolved, ignored; empty where only other things were done.',
    status_at DateTime64(3, 'UTC') COMMENT 'Of the triage log: when it was last resolved, reopened or ignored.',
    status_by String COMMENT 'Of the triage log: by whom.',
    resolution String COMMENT 'Of the triage log: now, in_release, in_next_release.',
    in_release String COMMENT 'Of the triage log: in which release; of in_next_release the newest one then.',
    until DateTime64(3, 'UTC') COMMENT 'Of the triage log: ignored until this time; zero for none.',
    until_events UInt64 COMMENT 'Of the triage log: ignored until this many more events; 0 for none.',
    until_users UInt64 COMMENT 'Of the triage log: ignored until this many more users; 0 for none.',
    assignee String COMMENT 'Of the triage log: to whom; empty for nobody.',
    priority String COMMENT 'Of the triage log: low, medium, high.',
    owner String COMMENT 'Of the triage log: team or person.',
    comments UInt64 COMMENT 'Of the triage log: how many actions have one.'
) AS
SELECT acted.project_id AS project_id, acted.fingerprint AS fingerprint,
    lower(leftPad(hex(acted.fingerprint), 16, '0')) AS issue,
    multiIf(
        s.action = '', '',
        s.action = 'resolve' AND s.resolution IN ('in_release', 'in_next_release'),
            if(arrayExists(r -> r.seen > s.at AND if(r.version.1 = 1 AND s.in_version.1 = 1 AND r.package = s.in_package,
                    if(s.resolution = 'in_release', r.version >= s.in_version, r.version > s.in_version),
                    if(s.resolution = 'in_release', r.release = s.in_release OR fixed.born > toDateTime64(0, 3, 'UTC') AND r.born >= fixed.born,
                        r.release != s.in_release AND r.born > fixed.born)), seen.releases),
                'regressed', 'resolved'),
        s.action = 'resolve', if(totals.last > s.at, 'regressed', 'resolved'),
        s.action = 'ignore' AND s.until > toDateTime64(0, 3, 'UTC') AND s.until <= now64(3), 'ongoing',
        s.action = 'ignore' AND s.until_events > 0 AND totals.n >= s.base_events + s.until_events, 'ongoing',
        s.action = 'ignore' AND s.until_users > 0 AND totals.u >= s.base_users + s.until_users, 'ongoing',
        s.action = 'ignore', 'ignored',
        'ongoing') AS status,
    s.at AS status_at, s.actor AS status_by, s.resolution AS resolution, s.in_release AS in_release,
    s.until AS until, s.until_events AS until_events, s.until_users AS until_users,
    acted.assigned AS assignee, acted.prio AS priority, acted.owned AS owner, acted.comment_count AS comments
FROM (
    SELECT project_id, fingerprint,
        argMaxIf(CAST((action, at, actor, resolution, in_release, in_package, in_version, until, until_events, until_users, base_events, base_users),
            'Tuple(action String, at DateTime64(3, \'UTC\'), actor String, resolution String, in_release String, in_package String, in_version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))), until DateTime64(3, \'UTC\'), until_events UInt64, until_users UInt64, base_events UInt64, base_users UInt64)'),
            (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS s,
        argMaxIf(assignee, (at, action_id), action = 'assign') AS assigned,
        CAST(argMaxIf(priority, (at, action_id), action = 'priority'), 'String') AS prio,
        argMaxIf(owner, (at, action_id), action = 'owner') AS owned,
        countIf(comment != '') AS comment_count
    FROM errata.issue_actions
    WHERE action NOT IN ('undo', 'merge', 'split')
        AND action_id NOT IN (SELECT target_action FROM errata.issue_actions WHERE action = 'undo')
    GROUP BY project_id, fingerprint) AS acted
LEFT JOIN (
    SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor,
        max(last_seen) AS last, sum(events) AS n, uniqCombinedArrayMerge(12)(users) AS u
    FROM errata.issue_rollup
    WHERE (project_id, fingerprint) IN (SELECT project_id, fingerprint FROM errata.issue_actions)
    GROUP BY project_id, survivor) AS totals ON totals.project_id = acted.project_id AND totals.survivor = acted.fingerprint
LEFT JOIN (
    SELECT i.project_id AS project_id, i.survivor AS survivor,
        groupArray(CAST((i.release, i.last, b.born, b.package, b.version), 'Tuple(release String, seen DateTime64(3, \'UTC\'), born DateTime64(3, \'UTC\'), package String, version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))))')) AS releases
    FROM (
        SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor, CAST(release, 'String') AS release, max(last_seen) AS last
        FROM errata.issue_release
        WHERE (project_id, fingerprint) IN (SELECT project_id, fingerprint FROM errata.issue_actions)
        GROUP BY project_id, survivor, release) AS i
    LEFT JOIN (
        SELECT project_id, release, min(first_seen) AS born, any(package) AS package, any(version) AS version
        FROM errata.release_rollup
        GROUP BY project_id, release) AS b ON b.project_id = i.project_id AND b.release = i.release
    GROUP BY project_id, survivor) AS seen ON seen.project_id = acted.project_id AND seen.survivor = acted.fingerprint
LEFT JOIN (
    SELECT project_id, release, min(first_seen) AS born
    FROM errata.release_rollup
    GROUP BY project_id, release) AS fixed ON fixed.project_id = acted.project_id AND fixed.release = acted.s.in_release;

CREATE OR REPLACE VIEW errata.issue_state_of ON CLUSTER prod AS
SELECT acted.project_id AS project_id, acted.fingerprint AS fingerprint,
    lower(leftPad(hex(acted.fingerprint), 16, '0')) AS issue,
    multiIf(
        s.action = '', '',
        s.action = 'resolve' AND s.resolution IN ('in_release', 'in_next_release'),
            if(arrayExists(r -> r.seen > s.at AND if(r.version.1 = 1 AND s.in_version.1 = 1 AND r.package = s.in_package,
                    if(s.resolution = 'in_release', r.version >= s.in_version, r.version > s.in_version),
                    if(s.resolution = 'in_release', r.release = s.in_release OR fixed.born > toDateTime64(0, 3, 'UTC') AND r.born >= fixed.born,
                        r.release != s.in_release AND r.born > fixed.born)), seen.releases),
                'regressed', 'resolved'),
        s.action = 'resolve', if(totals.last > s.at, 'regressed', 'resolved'),
        s.action = 'ignore' AND s.until > toDateTime64(0, 3, 'UTC') AND s.until <= now64(3), 'ongoing',
        s.action = 'ignore' AND s.until_events > 0 AND totals.n >= s.base_events + s.until_events, 'ongoing',
        s.action = 'ignore' AND s.until_users > 0 AND totals.u >= s.base_users + s.until_users, 'ongoing',
        s.action = 'ignore', 'ignored',
        'ongoing') AS status,
    s.at AS status_at, s.actor AS status_by, s.resolution AS resolution, s.in_release AS in_release,
    s.until AS until, s.until_events AS until_events, s.until_users AS until_users,
    acted.assigned AS assignee, acted.prio AS priority, acted.owned AS owner, acted.comment_count AS comments
FROM (
    SELECT project_id, fingerprint,
        argMaxIf(CAST((action, at, actor, resolution, in_release, in_package, in_version, until, until_events, until_users, base_events, base_users),
            'Tuple(action String, at DateTime64(3, \'UTC\'), actor String, resolution String, in_release String, in_package String, in_version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))), until DateTime64(3, \'UTC\'), until_events UInt64, until_users UInt64, base_events UInt64, base_users UInt64)'),
            (at, action_id), action IN ('resolve', 'unresolve', 'ignore')) AS s,
        argMaxIf(assignee, (at, action_id), action = 'assign') AS assigned,
        CAST(argMaxIf(priority, (at, action_id), action = 'priority'), 'String') AS prio,
        argMaxIf(owner, (at, action_id), action = 'owner') AS owned,
        countIf(comment != '') AS comment_count
    FROM errata.issue_actions
    WHERE project_id = {project:UInt32} AND fingerprint IN {issues:Array(UInt64)} AND action NOT IN ('undo', 'merge', 'split')
        AND action_id NOT IN (SELECT target_action FROM errata.issue_actions WHERE project_id = {project:UInt32} AND action = 'undo')
    GROUP BY project_id, fingerprint) AS acted
LEFT JOIN (
    SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor,
        max(last_seen) AS last, sum(events) AS n, uniqCombinedArrayMerge(12)(users) AS u
    FROM errata.issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint IN {issues:Array(UInt64)}
    GROUP BY project_id, survivor) AS totals ON totals.project_id = acted.project_id AND totals.survivor = acted.fingerprint
LEFT JOIN (
    SELECT i.project_id AS project_id, i.survivor AS survivor,
        groupArray(CAST((i.release, i.last, b.born, b.package, b.version), 'Tuple(release String, seen DateTime64(3, \'UTC\'), born DateTime64(3, \'UTC\'), package String, version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))))')) AS releases
    FROM (
        SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor, CAST(release, 'String') AS release, max(last_seen) AS last
        FROM errata.issue_release
        WHERE project_id = {project:UInt32} AND fingerprint IN {issues:Array(UInt64)}
        GROUP BY project_id, survivor, release) AS i
    LEFT JOIN (
        SELECT project_id, release, min(first_seen) AS born, any(package) AS package, any(version) AS version
        FROM errata.release_rollup WHERE project_id = {project:UInt32}
        GROUP BY project_id, release) AS b ON b.project_id = i.project_id AND b.release = i.release
    GROUP BY project_id, survivor) AS seen ON seen.project_id = acted.project_id AND seen.survivor = acted.fingerprint
LEFT JOIN (
    SELECT project_id, release, min(first_seen) AS born
    FROM errata.release_rollup WHERE project_id = {project:UInt32}
    GROUP BY project_id, release) AS fixed ON fixed.project_id = acted.project_id AND fixed.release = acted.s.in_release;

-- views/020_issues.sql
CREATE OR REPLACE VIEW errata.issues ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    issue String COMMENT 'Both: 16 hex digits of the issue, merges applied.',
    title String COMMENT 'Of the newest event. Sentry: type and value of the main exception, or message. OTLP: exception.type and exception.message.',
    culprit String COMMENT 'Of the newest event. Both: where it happened, the in-app frame nearest to the crash; Sentry also: transaction.',
    type String COMMENT 'Of the newest event. Sentry: type of the main exception. OTLP: exception.type.',
    level String COMMENT 'Highest. Sentry: level. OTLP: error of a span, else the severity of the log record.',
    status String COMMENT 'Computed: new, ongoing, regressed, resolved, ignored.',
    assignee String COMMENT 'Of the triage log: to whom; empty for nobody.',
    first_seen DateTime64(3, 'UTC') COMMENT 'Oldest event. Sentry: timestamp. OTLP: time of the span event or log record.',
    last_seen DateTime64(3, 'UTC') COMMENT 'Newest event. Sentry: timestamp. OTLP: time of the span event or log record.',
    events UInt64 COMMENT 'Both: occurrences, sum(weight); twins count 0.',
    users UInt64 COMMENT 'Sketch. Sentry: user. OTLP: user.id, enduser.id and their like.',
    protocols Array(String) COMMENT 'Both: which reported it, sentry, otlp.',
    environments Array(String) COMMENT 'Sentry: environment. OTLP: deployment.environment.name.',
    first_release String COMMENT 'Of the oldest event. Sentry: release. OTLP: service.version.',
    last_release String COMMENT 'Of the newest event. Sentry: release. OTLP: service.version.',
    sample_event_id UUID COMMENT 'Of the newest event. Sentry: event_id. OTLP: derived from its content.',
    sample_trace_id String COMMENT 'Of the newest event. Sentry: contexts.trace.trace_id. OTLP: trace_id.'
) AS
SELECT g.project_id AS project_id,
    lower(leftPad(hex(g.survivor), 16, '0')) AS issue,
    g.l.1 AS title, g.l.2 AS culprit, g.l.3 AS type, toString(g.level_max_) AS level,
    multiIf(st.status != '', st.status, g.first_seen_ > now64(3) - INTERVAL 7 DAY, 'new', 'ongoing') AS status,
    st.assignee AS assignee,
    toDateTime64(g.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(g.last_seen_, 3, 'UTC') AS last_seen, g.events_ AS events, g.users_ AS users,
    arrayFilter((p, bit) -> bitAnd(g.protocols_, bit) != 0, ['sentry', 'otlp'], [1, 2]) AS protocols,
    arraySort(arrayFilter(e -> e != '', g.environments_)) AS environments,
    g.f.1 AS first_release, g.l.6 AS last_release, g.l.7 AS sample_event_id, g.l.8 AS sample_trace_id
FROM (
    SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor,
        min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_, max(level_max) AS level_max_,
        groupBitOr(protocols) AS protocols_, groupUniqArrayArray(environments) AS environments_,
        uniqCombinedArrayMerge(12)(users) AS users_, argMaxMerge(last) AS l, argMinMerge(first) AS f
    FROM errata.issue_rollup
    GROUP BY project_id, survivor) AS g
LEFT JOIN errata.issue_state AS st ON st.project_id = g.project_id AND st.fingerprint = g.survivor;

CREATE OR REPLACE VIEW errata.issue_trend ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    issue String COMMENT 'Both: 16 hex digits of the issue, merges applied.',
    hour DateTime('UTC') COMMENT 'Hour of ts. Sentry: timestamp. OTLP: time of the span event or log record.',
    environment LowCardinality(String) COMMENT 'Sentry: environment. OTLP: deployment.environment.name.',
    release LowCardinality(String) COMMENT 'Sentry: release. OTLP: service.version.',
    level String COMMENT 'Highest. Sentry: level. OTLP: error of a span, else the severity of the log record.',
    events UInt64 COMMENT 'Both: occurrences, sum(weight).',
    users UInt64 COMMENT 'Sketch. Sentry: user. OTLP: user.id, enduser.id and their like.'
) AS
SELECT project_id, lower(leftPad(hex(fingerprint), 16, '0')) AS issue, hour, environment, release,
    toString(h.level) AS level, toUInt64(h.events) AS events, finalizeAggregation(h.users) AS users
FROM errata.issue_hour AS h FINAL
WHERE (SELECT count() FROM errata.issue_of WHERE survivor != fingerprint) = 0 OR (project_id, fingerprint) NOT IN (SELECT project_id, arrayJoin([fingerprint, survivor]) AS member FROM errata.issue_of WHERE survivor != fingerprint)
UNION ALL
SELECT project_id, lower(leftPad(hex(survivor), 16, '0')) AS issue, hour, environment, release,
    toString(level_) AS level, events_ AS events, users_ AS users
FROM (
    SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor, hour, environment, release,
        max(level) AS level_, sum(events) AS events_, uniqCombinedArrayMerge(12)(users) AS users_
    FROM errata.issue_hour
    WHERE (project_id, fingerprint) IN (SELECT project_id, arrayJoin([fingerprint, survivor]) AS member FROM errata.issue_of WHERE survivor != fingerprint)
    GROUP BY project_id, survivor, hour, environment, release);

CREATE OR REPLACE VIEW errata.releases ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    release String COMMENT 'Sentry: release. OTLP: service.version.',
    first_seen DateTime64(3, 'UTC') COMMENT 'First error of both protocols; Sentry also: session or transaction.',
    last_seen DateTime64(3, 'UTC') COMMENT 'Last error of both protocols; Sentry also: session or transaction.',
    events UInt64 COMMENT 'Both: errors, sum(weight).',
    issues UInt64 COMMENT 'Both: issues seen in it.',
    new_issues UInt64 COMMENT 'Both: issues seen first in it.',
    sessions UInt64 COMMENT 'Sentry: sessions that began. OTLP: none.',
    crashed_sessions UInt64 COMMENT 'Sentry: status crashed. OTLP: none.',
    crash_free_sessions Nullable(Float64) COMMENT 'Sentry: share from 0 to 1; NULL without sessions. OTLP: none.',
    users UInt64 COMMENT 'Sketch. Sentry: did of sessions. OTLP: none.',
    crash_free_users Nullable(Float64) COMMENT 'Sentry: share from 0 to 1; NULL without users. OTLP: none.'
) AS
SELECT r.project_id AS project_id, r.release AS release,
    toDateTime64(r.first_seen_, 3, 'UTC') AS first_seen, toDateTime64(r.last_seen_, 3, 'UTC') AS last_seen, r.events_ AS events,
    i.issues_ AS issues, i.new_issues_ AS new_issues,
    s.started_ AS sessions, s.crashed_ AS crashed_sessions,
    if(s.started_ > 0, greatest(0, 1 - s.crashed_ / s.started_), NULL) AS crash_free_sessions,
    s.users_ AS users, if(s.users_ > 0, greatest(0, 1 - s.users_crashed_ / s.users_), NULL) AS crash_free_users
FROM (
    SELECT project_id, release, min(first_seen_) AS first_seen_, greatest(max(last_seen_), first_seen_) AS last_seen_, sum(events_) AS events_
    FROM (
        SELECT project_id, release, min(first_seen) AS first_seen_, max(last_seen) AS last_seen_, sum(events) AS events_
        FROM errata.release_rollup GROUP BY project_id, release
        UNION ALL
        SELECT project_id, CAST(release, 'String') AS release, toDateTime64(min(hour) + 3599, 3, 'UTC') AS first_seen_, toDateTime64(max(hour), 3, 'UTC') AS last_seen_, toUInt64(0) AS events_
        FROM errata.session_hour WHERE release != '' GROUP BY project_id, release)
    GROUP BY project_id, release) AS r
LEFT JOIN (
    SELECT project_id, release, count() AS issues_, countIf(born = first_in) AS new_issues_
    FROM (
        SELECT project_id, survivor, release, min(first_seen) AS first_in, min(first_in) OVER (PARTITION BY project_id, survivor) AS born
        FROM (SELECT project_id, dictGetOrDefault('errata.issue_of', 'survivor', (project_id, fingerprint), fingerprint) AS survivor, CAST(release, 'String') AS release, first_seen FROM errata.issue_release)
        GROUP BY project_id, survivor, release)
    GROUP BY project_id, release) AS i ON i.project_id = r.project_id AND i.release = r.release
LEFT JOIN (
    SELECT project_id, CAST(release, 'String') AS release, sum(started) AS started_, sum(crashed) AS crashed_,
        uniqCombinedMerge(14)(users) AS users_, uniqCombinedMerge(14)(users_crashed) AS users_crashed_
    FROM errata.session_hour
    WHERE release != ''
    GROUP BY project_id, release) AS s ON s.project_id = r.project_id AND s.release = r.release;

CREATE OR REPLACE VIEW errata.traces ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    trace_id String COMMENT 'Sentry: trace_id of the trace context. OTLP: trace_id.',
    started DateTime64(3, 'UTC') COMMENT 'Both: earliest error, span or log record.',
    ended DateTime64(3, 'UTC') COMMENT 'Both: latest of them, ends of spans included.',
    duration_ms Int64 COMMENT 'Computed: from started to ended.',
    error_count UInt64 COMMENT 'Both: errors, sum(weight).',
    span_count UInt64 COMMENT 'Both: spans.',
    log_count UInt64 COMMENT 'Both: log records.',
    service_names Array(String) COMMENT 'Sentry: service. OTLP: service.name.',
    root String COMMENT 'Both: name of a span without a parent.',
    issue_list Array(String) COMMENT 'Both: 16 hex digits of each issue, merges applied.'
) AS
SELECT project_id, trace_id, toDateTime64(min(min_ts), 3, 'UTC') AS started, toDateTime64(max(max_ts), 3, 'UTC') AS ended,
    dateDiff('millisecond', started, ended) AS duration_ms,
    sum(errors) AS error_count, sum(spans) AS span_count, sum(logs) AS log_count,
    arraySort(groupUniqArrayArray(services)) AS service_names,
    arrayElement(groupUniqArrayArray(roots), 1) AS root,
    arrayDistinct(arrayMap(f -> lower(leftPad(hex(dictGetOrDefault('errata.issue_of', 'survivor', (project_id, f), f)), 16, '0')), groupUniqArrayArray(issues))) AS issue_list
FROM errata.trace_index
GROUP BY project_id, trace_id;

CREATE OR REPLACE VIEW errata.issue_history ON CLUSTER prod
(
    project_id UInt32 COMMENT 'Sentry: project of the DSN. OTLP: project of the request.',
    issue String COMMENT 'Of the triage log: the fingerprint acted on, 16 hex digits; of a merge or split the one that moves.',
    at DateTime64(3, 'UTC') COMMENT 'Of the triage log: when.',
    actor String COMMENT 'Of the triage log: who.',
    action LowCardinality(String) COMMENT 'Of the triage log: resolve, unresolve, ignore, assign, merge, split, comment, priority, owner, undo.',
    detail String COMMENT 'Of the triage log: in words, such as the release or the person.',
    comment String COMMENT 'Of the triage log: in words.',
    action_id UUID COMMENT 'Of the triage log: identity; undo names it.',
    bulk_id UUID COMMENT 'Of the triage log: shared by the actions of one command; zero for a single one.',
    undone UInt8 COMMENT 'Of the triage log: 1 where an undo names it.'
) AS
SELECT project_id, lower(leftPad(hex(fingerprint), 16, '0')) AS issue, at, actor, action,
    multiIf(
        action = 'resolve' AND resolution != 'now', concat(replaceAll(resolution, '_', ' '), ' ', in_release),
        action = 'ignore' AND until > toDateTime64(0, 3, 'UTC'), concat('until ', toString(until)),
        action = 'ignore' AND until_events > 0, concat('until ', toString(until_events), ' more events'),
        action = 'ignore' AND until_users > 0, concat('until ', toString(until_users), ' more users'),
        action = 'assign', if(assignee = '', 'to nobody', concat('to ', assignee)),
        action = 'merge', concat('into ', lower(leftPad(hex(into), 16, '0'))),
        action = 'split' AND into != fingerprint, concat('back into ', lower(leftPad(hex(into), 16, '0'))),
        action = 'priority', priority, action = 'owner', owner,
        action = 'undo', concat('of ', toString(target_action)), '') AS detail,
    comment, action_id, bulk_id,
    action_id IN (SELECT target_action FROM errata.issue_actions WHERE action = 'undo') AS undone
FROM errata.issue_actions;

CREATE OR REPLACE VIEW errata.spans_trace_id_ts ON CLUSTER prod
(
    TraceId String COMMENT 'Sentry: trace_id of the trace context. OTLP: trace_id.',
    Start DateTime64(3, 'UTC') COMMENT 'Both: earliest error, span or log record.',
    End DateTime64(3, 'UTC') COMMENT 'Both: latest of them, ends of spans included.'
) AS
SELECT trace_id AS TraceId, toDateTime64(min(min_ts), 3, 'UTC') AS Start, toDateTime64(max(max_ts), 3, 'UTC') AS End
FROM errata.trace_index
GROUP BY trace_id;

