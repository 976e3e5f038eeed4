-- name: outcomes
-- purpose: What became of everything that came in, by category, outcome and reason.
-- param project UInt32 = 0: Project id; 0 for all.
-- param from DateTime64 = -24h: Start, in whole minutes.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- column project_id UInt32: Project.
-- column category String: error, transaction, span, log_item ...
-- column outcome String: accepted, stored, duplicate, twin, filtered ...
-- column reason String: Why.
-- column quantity UInt64: Items.
-- column bytes UInt64: Bytes as received.
-- cost: The minutes of the window in outcomes. 5 ms.
-- bound: 10,000 rows.
SELECT project_id, CAST(category, 'String') AS category, CAST(outcome, 'String') AS outcome, CAST(reason, 'String') AS reason, sum(o.quantity) AS quantity, sum(o.bytes) AS bytes
FROM outcomes AS o
WHERE <<.Project>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
GROUP BY project_id, category, outcome, reason
ORDER BY project_id, category, outcome = 'accepted' DESC, quantity DESC, outcome, reason
LIMIT 10000
