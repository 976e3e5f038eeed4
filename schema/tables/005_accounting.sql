-- The ledger. accepted = sum of the other outcomes (client_report apart) per
-- project, minute of received_at and category.
{{create "outcomes"}}
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
ENGINE = {{engine "SummingMergeTree" "outcomes" "(quantity, bytes)"}}
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, category, outcome, reason, protocol)
TTL minute + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "outcomes" "cityHash64(project_id)"}}

-- The fate of single events that are not rows of events.
{{create "event_outcomes"}}
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
ENGINE = {{engine "MergeTree" "event_outcomes"}}
PARTITION BY toMonday(ts)
ORDER BY (event_id, project_id, ts)
TTL toDateTime(ts) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, {{dedup}};

{{dist "event_outcomes" "cityHash64(event_id)"}}
