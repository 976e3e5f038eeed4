-- How long after they happened events were received: what delays over time are
-- read from. Delays over 64 ms are the middle of one of 32 steps between powers
-- of two, so that they are 1.6 % off at most and a slot has some hundred rows,
-- however many events it has.
{{create "received_delay"}}
(
    project_id UInt32 COMMENT 'As in events.',
    slot       DateTime('UTC') COMMENT 'Start of the five minutes of ts.' CODEC(Delta(4), ZSTD(1)),
    received   DateTime('UTC') COMMENT 'Start of the five minutes of received_at.' CODEC(Delta(4), ZSTD(1)),
    delay      Int64 COMMENT 'Milliseconds from ts to received_at, as above; below zero where a clock is ahead.' CODEC(ZSTD(1)),
    stored     UInt64 COMMENT 'Rows, twins included.' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "SummingMergeTree" "received_delay" "stored"}}
PARTITION BY toYYYYMM(slot)
ORDER BY (project_id, slot, received, delay)
TTL slot + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1, {{dedup}};

{{materialized "received_delay_mv" "received_delay"}}
WITH toUnixTimestamp64Milli(received_at) - toUnixTimestamp64Milli(ts) AS exact,
    abs(exact) AS size,
    greatest(intDiv(roundToExp2(size), 32), 1) AS step
SELECT project_id, toStartOfFiveMinutes(toDateTime(ts, 'UTC')) AS slot, toStartOfFiveMinutes(toDateTime(received_at, 'UTC')) AS received,
    toInt64(sign(exact) * (intDiv(size, step) * step + intDiv(step, 2))) AS delay, count() AS stored
FROM {{local "events"}}
GROUP BY project_id, slot, received, delay;

{{dist "received_delay" "cityHash64(project_id, slot)"}}

-- As in 020: from when on it has everything.
INSERT INTO {{name "rollup_since"}} (rollup, since)
SELECT 'received_delay', if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM {{name "events"}})
WHERE (SELECT count() FROM {{name "rollup_since"}} WHERE rollup = 'received_delay') = 0;
