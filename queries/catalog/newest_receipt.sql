-- name: newest_receipt
-- purpose: The newest minute in which something was accepted that has come through to the tables.
-- param project UInt32 = 0: Project id; 0 for all.
-- param from DateTime64 = -1d: Start.
-- param to DateTime64 = now: End.
-- column minute DateTime('UTC'): That minute; 1970 where nothing came through.
-- column quantity UInt64: Items of the whole window that came through.
-- cost: The minutes of the window in outcomes. 10 ms for a day.
-- bound: One row.
SELECT max(o.minute) AS minute, sum(o.quantity) AS quantity
FROM outcomes AS o
WHERE <<.Project>> AND o.minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND o.minute <= {to:DateTime64(3, 'UTC')} AND outcome = 'accepted'
