-- Metrics of both protocols. The consumer gives the values in this order.
INSERT INTO metrics (
    project_id, ts, start_ts, received_at, retention_days, protocol, name, type, unit, value,
    count, min, max, bounds, buckets, monotonic, temporality, service, environment, release,
    trace_id, span_id, attributes, resource, metric_id, topic_partition, topic_offset
) VALUES
