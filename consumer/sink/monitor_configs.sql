-- The newest configuration of each monitor, with its project's retention, and
-- since when its schedule is in place: it came first then, or it came back after another.
SELECT m.project_id AS project_id, toUInt32(p.retention_days) AS retention_days, CAST(m.slug, 'String') AS slug, CAST(m.schedule_type, 'String') AS kind,
    CAST(m.schedule, 'String') AS schedule, CAST(m.timezone, 'String') AS timezone, m.checkin_margin_min AS margin, m.max_runtime_min AS runtime, s.since AS since
FROM (SELECT * FROM monitors FINAL) AS m
LEFT JOIN (SELECT id, retention_days FROM projects FINAL) AS p ON p.id = m.project_id
LEFT JOIN (
    SELECT project_id, slug, arrayReverseSort(groupArray((last_, first_))) AS schedules,
        if(length(schedules) > 1, greatest(schedules[1].2, schedules[2].1), 0) AS since
    FROM (
        SELECT project_id, slug, toUnixTimestamp64Milli(max(last_at)) AS last_, toUnixTimestamp64Milli(min(first_at)) AS first_
        FROM monitor_schedules
        GROUP BY project_id, slug, schedule_type, schedule, timezone)
    GROUP BY project_id, slug) AS s ON s.project_id = m.project_id AND s.slug = m.slug
