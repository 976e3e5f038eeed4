-- Errors of both protocols. The consumer gives the values in this order.
INSERT INTO events (
    project_id, ts, fingerprint, event_id, received_at, retention_days, hashes, main_hash,
    grouping_version, deciding_component, grouping_reason, weight, twin_of, folded, protocol,
    type, level, platform, sdk_name, sdk_version, service, environment, release, dist,
    server_name, transaction, logger, title, culprit, message, exception_type, exception_value,
    handled, mechanism, frames_function, frames_file, frames_line, frames_in_app, user_id,
    user_hash, user_hashes, user_ip, user_email, user_name, country, http_method, http_status,
    url, trace_id, span_id, trace_sampled, replay_id, task_name, task_id, task_retries,
    event_name, redactions, payload_bytes, topic_partition, topic_offset, tags, payload,
    outer_span_id
) VALUES
