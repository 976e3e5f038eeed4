-- The newest configuration of each monitor, with its project's retention.
SELECT m.project_id AS project_id, toUInt32(p.retention_days) AS retention_days, CAST(m.slug, 'String') AS slug, CAST(m.schedule_type, 'String') AS kind,
    CAST(m.schedule, 'String') AS schedule, CAST(m.timezone, 'String') AS timezone, m.checkin_margin_min AS margin, m.max_runtime_min AS runtime
FROM (SELECT * FROM monitors FINAL) AS m
LEFT JOIN (SELECT id, retention_days FROM projects FINAL) AS p ON p.id = m.project_id
