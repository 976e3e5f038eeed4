-- name: ledger_balance
-- purpose: Minutes in which accepted items and the sum of their fates differ. Nothing comes out of a store that has read all its topics.
-- param project UInt32 = 0: Project id; 0 for all.
-- param from DateTime64 = -30d: Start, in whole minutes.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- column project_id UInt32: Project.
-- column minute DateTime('UTC'): Minute of receipt.
-- column category String: Category.
-- column accepted UInt64: Items that the edge took in.
-- column fates UInt64: Sum of their outcomes.
-- column missing Int64: accepted minus fates: above zero something is on its way or lost, below zero something is counted twice.
-- column outcomes Map(String, UInt64): The outcomes.
-- cost: The minutes of the window in outcomes. 10 ms for a day.
-- bound: 10,000 rows.
SELECT project_id, minute, CAST(category, 'String') AS category, sumIf(quantity, outcome = 'accepted') AS accepted,
    sumIf(quantity, outcome NOT IN ('accepted', 'client_report')) AS fates, toInt64(accepted) - toInt64(fates) AS missing,
    sumMapIf(map(CAST(outcome, 'String'), quantity), outcome NOT IN ('accepted', 'client_report')) AS outcomes
FROM outcomes AS o
WHERE <<.Project>> AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
GROUP BY project_id, minute, category
HAVING missing != 0
ORDER BY minute, project_id, category
LIMIT 10000
