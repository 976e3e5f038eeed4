-- Which dead letters were sent through again: one that is sent twice, since a
-- replay died or was asked to start over, is known however long ago that was, and
-- whether or not its rows have ids of their own (attachments, check-ins and
-- buckets of sessions have none). The place rebuilds what the consumer remembers.
{{create "replayed"}}
(
    topic           LowCardinality(String) COMMENT 'Topic of the record, without the prefix of the installation.',
    topic_partition UInt16 COMMENT 'Kafka partition of the record that was sent again.' CODEC(ZSTD(1)),
    topic_offset    Int64 COMMENT 'Kafka offset of the record that was sent again.' CODEC(Delta(8), ZSTD(1)),
    letter          UInt64 COMMENT 'Of the dead letter: a hash of its place and its content.' CODEC(ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'Stamped once at the edge, when the items came first.' CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{engine "MergeTree" "replayed"}}
PARTITION BY toYYYYMM(received_at)
ORDER BY (topic, topic_partition, topic_offset)
TTL toDateTime(received_at) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{dist "replayed" "letter"}}
