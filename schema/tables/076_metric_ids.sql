-- A metric point that is sent again is known by its id, as spans and log
-- records are; the place of its record rebuilds what the consumer remembers.
ALTER TABLE {{local "metrics"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS metric_id UInt64 COMMENT 'Both: derived from the content, so that a retried request gives the same id; 0 before there were ids.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS topic_partition UInt16 COMMENT 'Both: Kafka partition of the record.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS topic_offset Int64 COMMENT 'Both: Kafka offset of the record.' CODEC(Delta(8), ZSTD(1));
{{if not single}}ALTER TABLE {{name "metrics"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS metric_id UInt64,
    ADD COLUMN IF NOT EXISTS topic_partition UInt16,
    ADD COLUMN IF NOT EXISTS topic_offset Int64;
{{end}}