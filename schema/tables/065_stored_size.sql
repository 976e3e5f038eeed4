-- What takes the space, by what people ask for it: bytes over time by protocol
-- and minute, costs by any other dimension and hour. Tags are in tag_trend.
{{create "stored_size"}}
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
ENGINE = {{engine "AggregatingMergeTree" "stored_size"}}
PARTITION BY toYYYYMM(slot)
ORDER BY (project_id, kind, slot, value, fingerprint)
TTL slot + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1, {{dedup}};

-- Events alike are one row before it is unfolded.
{{materialized "stored_size_mv" "stored_size"}}
SELECT project_id, part.1 AS kind, part.2 AS slot, part.3 AS value, part.4 AS fingerprint, sum(n) AS events, sum(r) AS stored, sum(b) AS bytes
FROM (
    SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, fingerprint AS print, protocol, level, environment, release, service, sdk_name, sdk_version,
        sum(toUInt64(weight)) AS n, count() AS r, sum(toUInt64(payload_bytes)) AS b
    FROM {{local "events"}}
    GROUP BY project_id, minute, print, protocol, level, environment, release, service, sdk_name, sdk_version)
ARRAY JOIN [('protocol', minute, toString(protocol), toUInt64(0)), ('level', toStartOfHour(minute), toString(level), 0), ('environment', toStartOfHour(minute), CAST(environment, 'String'), 0),
    ('release', toStartOfHour(minute), CAST(release, 'String'), 0), ('service', toStartOfHour(minute), CAST(service, 'String'), 0),
    ('sdk', toStartOfHour(minute), concat(sdk_name, ' ', sdk_version), 0), ('issue', toStartOfHour(minute), '', print)] AS part
GROUP BY project_id, kind, slot, value, fingerprint;

{{dist "stored_size" "cityHash64(project_id, fingerprint)"}}

ALTER TABLE {{local "tag_trend"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS stored SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows, twins included.' CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS bytes SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(payload_bytes).' CODEC(T64, ZSTD(1));
{{if not single}}ALTER TABLE {{name "tag_trend"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS stored SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows, twins included.',
    ADD COLUMN IF NOT EXISTS bytes SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(payload_bytes).';
{{end}}
-- A view of its own: one whose query is modified takes blocks that were sent
-- before for new ones, until the server starts again, and so counts them twice.
{{materialized "tag_size_mv" "tag_trend"}}
SELECT project_id, kv.1 AS key, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment, kv.2 AS value,
    count() AS stored, sum(toUInt64(payload_bytes)) AS bytes
FROM {{local "events"}}
ARRAY JOIN arrayPushBack(CAST(tags, 'Array(Tuple(String, String))'), ('', '')) AS kv
WHERE kv.2 != '' OR kv.1 = ''
GROUP BY project_id, key, slot, environment, value;

-- As in 020: from when on both have everything.
INSERT INTO {{name "rollup_since"}} (rollup, since)
SELECT arrayJoin(['stored_size', 'tag_trend.bytes']), if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM {{name "events"}})
WHERE (SELECT count() FROM {{name "rollup_since"}} WHERE rollup = 'stored_size') = 0;
