-- Session updates and buckets. The consumer gives the values in this order.
INSERT INTO sessions (
    project_id, started, ts, received_at, retention_days, session_id, user_hash, seq, init,
    status, errors, quantity, duration_ms, environment, release, sdk_name, os, topic_partition,
    topic_offset
) VALUES
