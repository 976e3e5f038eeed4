-- Configurations of monitors. The consumer gives the values in this order.
INSERT INTO monitors (
    project_id, slug, schedule_type, schedule, checkin_margin_min, max_runtime_min, timezone,
    failure_issue_threshold, recovery_threshold, updated_at
) VALUES
