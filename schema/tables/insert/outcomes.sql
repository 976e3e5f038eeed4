-- The ledger, summed over a block of records. The consumer gives the values in this order.
INSERT INTO outcomes (
    project_id, minute, category, outcome, reason, protocol, quantity, bytes
) VALUES
