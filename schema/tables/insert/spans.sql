-- Spans of both protocols. The consumer gives the values in this order.
INSERT INTO spans (
    project_id, ts, trace_id, span_id, parent_span_id, received_at, retention_days, protocol,
    service, op, name, kind, is_segment, segment_name, duration_us, status, status_message,
    environment, release, server_name, http_status, sdk_name, scope_name, scope_version,
    user_hash, sample_weight, trace_state, event_id, attributes, resource, measurements,
    measurement_units, event_ts, event_name, event_attributes, link_trace_id, link_span_id,
    link_attributes, topic_partition, topic_offset
) VALUES
