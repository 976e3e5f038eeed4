-- Log records of both protocols. The consumer gives the values in this order.
INSERT INTO logs (
    project_id, ts, log_id, received_at, retention_days, protocol, service, severity,
    severity_text, body, event_name, environment, release, server_name, scope_name, trace_id,
    span_id, fingerprint, attributes, resource, topic_partition, topic_offset
) VALUES
