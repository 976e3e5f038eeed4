-- Attachments; their bodies are in the blob store. The consumer gives the values in this order.
INSERT INTO attachments (
    project_id, event_id, ts, received_at, retention_days, name, type, content_type, item_type,
    size, key, trace_id
) VALUES
