-- name: log_volume
-- purpose: How many log records of each severity there are over time.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -1h: Start.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param bucket_seconds UInt32 = 60: Width of a bucket, from 1.
-- param service String: Services, one a line; empty for all.
-- param environment String: Environments, one a line; empty for all.
-- param level String: debug, info, warning, error, fatal, one a line; empty for all.
-- param text String: Words that the body must hold.
-- param trace_id String: 32 hex digits; empty for all.
-- param filters String: Filters as JSON: [{"key","operator","values"}].
-- column time DateTime('UTC'): Start of the bucket.
-- column series String: trace, debug, info, warning, error, critical, unknown.
-- column events UInt64: Records.
-- cost: Time and filter columns of the window. 60 ms for an hour of 5 million.
-- bound: Seven series; the days of the window.
SELECT toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(greatest({bucket_seconds:UInt32}, 1)), 'UTC') AS time, <<severity "severity">> AS series, count() AS events
FROM logs
WHERE <<.Projects>> AND logs.ts >= {from:DateTime64(3, 'UTC')} AND logs.ts <= {to:DateTime64(3, 'UTC')}
    AND <<.AnyOf "service">> AND <<.AnyOf "environment">>
    AND ({level:String} = '' OR has(splitByChar('\n', replaceAll({level:String}, 'fatal', 'critical')), <<severity "severity">>))
    AND <<.Words "body">>
    AND ({trace_id:String} = '' OR trace_id = lower({trace_id:String}))
    AND <<.LogFilters>>
GROUP BY time, series
ORDER BY time, series
