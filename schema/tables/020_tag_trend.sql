-- Tags of a project by five minutes: what trends by a tag, or filtered by one,
-- are read from. Values are not cut: at most 200 characters come in. The row
-- with neither key nor value counts all events of its slot, so that those
-- without a tag are the rest.
{{create "tag_trend"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    key         LowCardinality(String) COMMENT 'Key in tags of events; empty, with an empty value, for all events.',
    slot        DateTime('UTC') COMMENT 'Start of the five minutes of ts.' CODEC(Delta(4), ZSTD(1)),
    environment LowCardinality(String) COMMENT 'As in events.',
    value       String COMMENT 'Value of the tag.' CODEC(ZSTD(1)),
    events      SimpleAggregateFunction(sum, UInt64) COMMENT 'sum(weight).' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree" "tag_trend"}}
PARTITION BY toYYYYMM(slot)
ORDER BY (project_id, key, slot, environment, value)
TTL slot + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup}};

{{materialized "tag_trend_mv" "tag_trend"}}
SELECT project_id, kv.1 AS key, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, environment, kv.2 AS value,
    sum(toUInt64(weight)) AS events
FROM {{local "events"}}
ARRAY JOIN arrayPushBack(CAST(tags, 'Array(Tuple(String, String))'), ('', '')) AS kv
WHERE kv.2 != '' OR kv.1 = ''
GROUP BY project_id, key, slot, environment, value;

{{dist "tag_trend" "cityHash64(project_id, key)"}}

-- From when on a rollup that came later has everything. Nothing is filled in
-- behind it: an insert that began before the view did is not seen by it, and
-- no cut through stored rows tells such rows from the others. What is older is
-- read from events, until it is gone.
{{createEverywhere "rollup_since"}}
(
    rollup LowCardinality(String) COMMENT 'Table.',
    since  DateTime('UTC') COMMENT 'It has every event whose ts is not before; the latest of several rows holds.'
)
ENGINE = {{engineEverywhere "MergeTree" "rollup_since"}}
ORDER BY rollup
SETTINGS {{dedup}};

-- The view is there by now. Events that were on their way in are older than the
-- end of the next hour, or as far ahead of the clock as others before them.
INSERT INTO {{name "rollup_since"}} (rollup, since)
SELECT 'tag_trend', if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM {{name "events"}})
WHERE (SELECT count() FROM {{name "rollup_since"}} WHERE rollup = 'tag_trend') = 0;
