-- 001_events.sql
CREATE TABLE IF NOT EXISTS `errors-2`.events
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
ENGINE = MergeTree
PARTITION BY (retention_days, toMonday(ts))
PRIMARY KEY (project_id, toDate(ts), fingerprint)
ORDER BY (project_id, toDate(ts), fingerprint, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- 002_spans_logs.sql
CREATE TABLE IF NOT EXISTS `errors-2`.spans
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
ENGINE = MergeTree
PARTITION BY (retention_days, toDate(ts))
ORDER BY (project_id, service, name, toStartOfHour(ts), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.logs
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
ENGINE = MergeTree
PARTITION BY (retention_days, toDate(ts))
ORDER BY (project_id, service, toStartOfFiveMinutes(toDateTime(ts)), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- 003_sessions.sql
CREATE TABLE IF NOT EXISTS `errors-2`.sessions
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
ENGINE = MergeTree
PARTITION BY (retention_days, toMonday(started))
ORDER BY (project_id, toStartOfHour(started), release, session_id)
TTL toDateTime(started) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.check_ins
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
ENGINE = MergeTree
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, monitor, environment, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.monitors
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
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (project_id, slug)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.metrics
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
ENGINE = MergeTree
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, name, service, toStartOfHour(ts), ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- 004_attachments.sql
CREATE TABLE IF NOT EXISTS `errors-2`.attachments
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
ENGINE = MergeTree
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, event_id, name)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.feedback
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
ENGINE = MergeTree
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- 005_accounting.sql
CREATE TABLE IF NOT EXISTS `errors-2`.outcomes
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
ENGINE = SummingMergeTree((quantity, bytes))
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, category, outcome, reason, protocol)
TTL minute + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.event_outcomes
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
ENGINE = MergeTree
PARTITION BY toMonday(ts)
ORDER BY (event_id, project_id, ts)
TTL toDateTime(ts) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, non_replicated_deduplication_window = 10000;

-- 006_projects.sql
CREATE TABLE IF NOT EXISTS `errors-2`.projects
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
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY id
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS `errors-2`.project_keys
(
    project_id UInt32 COMMENT 'Project that the key belongs to.',
    public     String COMMENT 'Public key of the DSN: 32 lower hex digits.',
    label      String COMMENT 'Name for people.',
    disabled   Bool COMMENT 'Refuses everything.',
    created_at DateTime64(3, 'UTC') COMMENT 'When the key was made.',
    settings   String COMMENT 'JSON: rate limits of this key; empty means none.',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'Version of the row: the newest wins.'
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (project_id, public)
SETTINGS non_replicated_deduplication_window = 10000;

-- 007_triage.sql
CREATE TABLE IF NOT EXISTS `errors-2`.issue_actions
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
ENGINE = MergeTree
ORDER BY (project_id, fingerprint, at, action_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- views/001_merge.sql
CREATE OR REPLACE VIEW `errors-2`.issue_merges AS
SELECT project_id, fingerprint, argMax(into, (at, action_id)) AS survivor
FROM `errors-2`.issue_actions
WHERE action IN ('merge', 'split')
    AND action_id NOT IN (SELECT target_action FROM `errors-2`.issue_actions WHERE action = 'undo')
GROUP BY project_id, fingerprint;

CREATE OR REPLACE DICTIONARY `errors-2`.issue_of
(
    project_id UInt32,
    fingerprint UInt64,
    survivor UInt64
)
PRIMARY KEY project_id, fingerprint
SOURCE(CLICKHOUSE(USER 'errata' PASSWORD '' DB 'errors-2' QUERY 'SELECT project_id, fingerprint, survivor FROM `errors-2`.issue_merges'))
LIFETIME(MIN 1 MAX 2)
LAYOUT(COMPLEX_KEY_HASHED())
COMMENT 'Fingerprint to the fingerprint of the issue that it was merged into.';

