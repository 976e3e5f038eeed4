-- Which schedules a monitor has had: a schedule expects nothing of the time before
-- it came. The configurations themselves cannot tell, since the newest replaces all
-- others and SDKs send it with each check-in. The consumer reads it.
{{create "monitor_schedules"}}
(
    project_id    UInt32 COMMENT 'As in monitors.',
    slug          String COMMENT 'As in monitors.',
    schedule_type LowCardinality(String) COMMENT 'As in monitors.',
    schedule      String COMMENT 'As in monitors.',
    timezone      LowCardinality(String) COMMENT 'As in monitors.',
    first_at      SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'When it came first.',
    last_at       SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When it came last.'
)
ENGINE = {{engine "AggregatingMergeTree" "monitor_schedules"}}
ORDER BY (project_id, slug, schedule_type, schedule, timezone)
SETTINGS {{dedup}};

{{materialized "monitor_schedules_mv" "monitor_schedules"}}
SELECT project_id, slug, schedule_type, schedule, timezone, min(m.updated_at) AS first_at, max(m.updated_at) AS last_at
FROM {{local "monitors"}} AS m
GROUP BY project_id, slug, schedule_type, schedule, timezone;

{{dist "monitor_schedules" "cityHash64(project_id, slug)"}}
