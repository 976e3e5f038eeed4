-- Check-ins of monitors. The consumer gives the values in this order.
INSERT INTO check_ins (
    project_id, check_in_id, monitor, status, ts, received_at, retention_days, duration_ms,
    environment, release, trace_id, expected_at
) VALUES
