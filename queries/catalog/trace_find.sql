-- name: trace_find
-- purpose: Traces that hold a span, or an error, of this kind, newest first.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -1h: Start.
-- param to DateTime64 = now: End.
-- param service String: Services, one a line; empty for all.
-- param text String: Part of the name of a span.
-- param min_duration_us UInt64 = 0: Spans at least so long, microseconds.
-- param only_errors UInt8 = 0: 1 for traces with an error or a failed span.
-- param filters String: Filters on attributes as JSON: [{"key","operator","values"}].
-- param limit UInt32 = 100: Rows, at most 1000.
-- column started DateTime64(3, 'UTC'): Start of the trace.
-- column trace_id String: 32 hex digits.
-- column root String: Name of the root span, else of the first one that matched.
-- column services Array(String): Services.
-- column duration_ms Float64: From first to last.
-- column spans UInt64: Spans.
-- column errors UInt64: Errors, counted once.
-- column logs UInt64: Log records.
-- column issues Array(String): Issues of its errors.
-- cost: Spans of the window for the page, then keys of trace_index, of what is older than 90 days events, spans and logs by their index of traces. 80 ms for an hour of 5 million spans.
-- bound: 1000 rows; the days of the window.
-- step page: ids Array(String), names Array(String)
SELECT trace_id, any(name)
FROM (
    SELECT trace_id, name, ts
    FROM spans
    WHERE <<.Projects>> AND trace_id != '' AND spans.ts >= {from:DateTime64(3, 'UTC')} AND spans.ts <= {to:DateTime64(3, 'UTC')}
        AND <<.AnyOf "service">> AND ({text:String} = '' OR positionCaseInsensitiveUTF8(name, {text:String}) > 0)
        AND duration_us >= {min_duration_us:UInt64} AND ({only_errors:UInt8} = 0 OR status = 'error')
        AND <<.SpanFilters>>
    UNION ALL
    SELECT trace_id, title AS name, toDateTime64(ts, 6, 'UTC') AS ts
    FROM events
    WHERE {only_errors:UInt8} = 1 AND {text:String} = '' AND {min_duration_us:UInt64} = 0 AND {filters:String} IN ('', '[]')
        AND <<.Projects>> AND trace_id != '' AND toDate(events.ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(events.ts) <= toDate({to:DateTime64(3, 'UTC')})
        AND events.ts >= {from:DateTime64(3, 'UTC')} AND events.ts <= {to:DateTime64(3, 'UTC')} AND <<.AnyOf "service">>)
GROUP BY trace_id
ORDER BY max(ts) DESC, trace_id
LIMIT least({limit:UInt32}, 1000)
-- step result: rows
SELECT toDateTime64(first_ts, 3, 'UTC') AS started, trace_id, if(names_[1] = '', arrayElement({names:Array(String)}, indexOf({ids:Array(String)}, trace_id)), names_[1]) AS root,
    services_ AS services, toFloat64(dateDiff('millisecond', first_ts, last_ts)) AS duration_ms, spans_ AS spans, errors_ AS errors, logs_ AS logs,
    arrayMap(f -> <<hex "f">>, issues_) AS issues
FROM (
    SELECT trace_id, min(min_ts) AS first_ts, max(max_ts) AS last_ts, sum(errors) AS errors_, sum(spans) AS spans_, sum(logs) AS logs_,
        arraySort(groupUniqArrayArray(services)) AS services_, groupUniqArrayArray(roots) AS names_,
        arrayDistinct(groupArrayArray(arrayMap(f -> <<survivor "f">>, issues))) AS issues_
    FROM <<.TraceRows>> AS x
    WHERE trace_id IN {ids:Array(String)} AND <<.Projects>>
    GROUP BY trace_id)
ORDER BY started DESC, trace_id
LIMIT least({limit:UInt32}, 1000)
