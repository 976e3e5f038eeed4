-- Feedback and user reports. The consumer gives the values in this order.
INSERT INTO feedback (
    project_id, feedback_id, event_id, ts, received_at, retention_days, name, email, message,
    url, source, environment, release, trace_id, replay_id
) VALUES
