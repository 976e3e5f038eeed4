-- name: service_overview
-- purpose: Services of a project: errors, unhandled errors, segments, failure rate and latency.
-- param project UInt32 required: Project id.
-- param from DateTime64 = -24h: Start, in whole hours.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param environment String: Environment; empty for all.
-- column service String: Service; empty where events name none.
-- column errors UInt64: Errors.
-- column unhandled UInt64: Of them not handled.
-- column segments UInt64: Segment spans.
-- column failure_rate Float64: Share of segments with status error.
-- column p50_ms Float64: Milliseconds.
-- column p95_ms Float64: Milliseconds.
-- cost: project_minute and segment_hour of the window. 20 ms. What is older than 90 days, where a project keeps more, from events and spans: 450 ms a million.
-- bound: 1000 services.
SELECT service, sum(e) AS errors, sum(u) AS unhandled, sum(n) AS segments, if(segments > 0, sum(bad) / segments, 0) AS failure_rate, max(a) AS p50_ms, max(b) AS p95_ms
FROM (
    SELECT CAST(m.service, 'String') AS service, sum(m.events) AS e, sumIf(m.events, handled = 'no') AS u, toUInt64(0) AS n, toUInt64(0) AS bad, toFloat64(0) AS a, toFloat64(0) AS b
    FROM <<.Minutes>> AS m
    WHERE project_id = {project:UInt32} AND minute >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')}
        AND <<.Same "environment" "environment">>
    GROUP BY service
    UNION ALL
    SELECT CAST(h.service, 'String') AS service, toUInt64(0), toUInt64(0), sum(h.segments), sum(h.failed),
        toFloat64(quantilesTDigestMerge(0.5, 0.75, 0.95, 0.99)(h.duration)[1]) / 1000, toFloat64(quantilesTDigestMerge(0.5, 0.75, 0.95, 0.99)(h.duration)[3]) / 1000
    FROM <<.Segments>> AS h
    WHERE project_id = {project:UInt32} AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')}
        AND <<.Same "environment" "environment">>
    GROUP BY service)
GROUP BY service
ORDER BY errors DESC, segments DESC, service
LIMIT 1000
