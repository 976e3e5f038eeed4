-- Which issues of a project have a tag, by day: what a page filtered by a tag is
-- read from. issue_tag knows the same in the order of issues, so that one value
-- is found by reading all of the project's. Only numbers, packed fast: sorting
-- and writing texts would be most of what it costs an event. It counts nothing,
-- so a row that comes twice says nothing new.
{{create "tag_issue"}}
(
    project_id  UInt32 COMMENT 'As in events.',
    tag         UInt64 COMMENT 'cityHash64 of key and value, both as in issue_tag.' CODEC(LZ4),
    fingerprint UInt64 COMMENT 'As in events.' CODEC(LZ4),
    month       SimpleAggregateFunction(max, Date) COMMENT 'First day of the month; one in each partition.' CODEC(LZ4),
    days        SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days of the month on which the issue had the tag: bit 0 is the first.' CODEC(LZ4)
)
ENGINE = {{engine "AggregatingMergeTree" "tag_issue"}}
PARTITION BY toYYYYMM(month)
ORDER BY (project_id, tag, fingerprint)
TTL toLastDayOfMonth(month) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024, min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1, {{dedup}};

-- From issue_tag, not from events: those rows are unfolded and grouped already.
{{materialized "tag_issue_mv" "tag_issue"}}
SELECT project_id, cityHash64(CAST(key, 'String'), value) AS tag, fingerprint, toStartOfMonth(day) AS month,
    bitShiftLeft(toUInt32(1), toDayOfMonth(day) - 1) AS days
FROM {{local "issue_tag"}};

{{dist "tag_issue" "cityHash64(project_id, fingerprint)"}}

-- As in 020: from when on it has everything.
INSERT INTO {{name "rollup_since"}} (rollup, since)
SELECT 'tag_issue', if(stored = 0, toDateTime(0, 'UTC'), toStartOfHour(greatest(now('UTC'), toDateTime(newest, 'UTC'))) + INTERVAL 2 HOUR)
FROM (SELECT count() AS stored, max(ts) AS newest FROM {{name "events"}})
WHERE (SELECT count() FROM {{name "rollup_since"}} WHERE rollup = 'tag_issue') = 0;
