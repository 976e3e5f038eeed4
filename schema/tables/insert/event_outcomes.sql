-- Fates of single events that are not rows. The consumer gives the values in this order.
INSERT INTO event_outcomes (
    project_id, event_id, ts, category, outcome, reason, detail, protocol
) VALUES
