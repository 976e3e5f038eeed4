-- What comes along with events: attachments (bodies in the blob store) and
-- feedback of users.
{{create "attachments"}}
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
ENGINE = {{engine "MergeTree" "attachments"}}
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, event_id, name)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "attachments" "cityHash64(project_id, event_id)"}}

{{create "feedback"}}
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
ENGINE = {{engine "MergeTree" "feedback"}}
PARTITION BY (retention_days, toMonday(ts))
ORDER BY (project_id, ts)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "feedback" "cityHash64(project_id, feedback_id)"}}
