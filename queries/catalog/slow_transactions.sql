-- name: slow_transactions
-- purpose: Transactions by latency: throughput, failures and quantiles of segment spans.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -24h: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param service String: Service; empty for all.
-- param environment String: Environment; empty for all.
-- param sort String = p95 of p50,p75,p95,p99,count,failure_rate,total: Descending order; total is time spent in all.
-- param limit UInt32 = 50: Rows, at most 1000.
-- column service String: Service.
-- column name String: Name of the segment.
-- column count UInt64: Segments kept.
-- column estimated Float64: Segments before sampling.
-- column failure_rate Float64: Share with status error.
-- column p50_ms Float64: Milliseconds.
-- column p75_ms Float64: Milliseconds.
-- column p95_ms Float64: Milliseconds.
-- column p99_ms Float64: Milliseconds.
-- column total_ms Float64: Time spent in all of them, milliseconds.
-- cost: segment_hour of the window. 20 ms. What is older than 90 days, where a project keeps more, from spans: 400 ms a million.
-- bound: 1000 rows.
SELECT service, name, n AS count, est AS estimated, bad / n AS failure_rate, q[1] / 1000 AS p50_ms, q[2] / 1000 AS p75_ms, q[3] / 1000 AS p95_ms, q[4] / 1000 AS p99_ms, spent / 1000 AS total_ms
FROM (
    SELECT CAST(h.service, 'String') AS service, h.name AS name, sum(h.segments) AS n, sum(h.failed) AS bad, sum(h.estimated) AS est, sum(h.sum_us) AS spent,
        arrayMap(x -> toFloat64(x), quantilesTDigestMerge(0.5, 0.75, 0.95, 0.99)(h.duration)) AS q
    FROM <<.Segments>> AS h
    WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
        AND <<.Same "service" "h.service">> AND <<.Same "environment" "environment">>
    GROUP BY service, name)
ORDER BY multiIf({sort:String} = 'p50', q[1], {sort:String} = 'p75', q[2], {sort:String} = 'p99', q[4], {sort:String} = 'count', toFloat64(n),
    {sort:String} = 'failure_rate', bad / n, {sort:String} = 'total', toFloat64(spent), q[3]) DESC, service, name
LIMIT least({limit:UInt32}, 1000)
