-- name: log_lines
-- purpose: Log records of both protocols in a time window, newest or oldest first.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -1h: Start.
-- param to DateTime64 = now: End.
-- param service String: Services, one a line; empty for all.
-- param environment String: Environments, one a line; empty for all.
-- param level String: debug, info, warning, error, fatal, one a line; empty for all.
-- param text String: Words that the body must hold.
-- param trace_id String: 32 hex digits; empty for all.
-- param filters String: Filters as JSON: [{"key","operator","values"}].
-- param order String = newest of newest,oldest: Which end of the window comes first.
-- param limit UInt32 = 1000: Rows, at most 10000.
-- column ts DateTime64(6, 'UTC'): When it was written.
-- column log_id UUID: Id.
-- column project_id UInt32: Project.
-- column body String: The line.
-- column level String: trace, debug, info, warning, error, critical; unknown where none was given.
-- column severity_text String: As it was sent.
-- column service String: Service.
-- column environment String: Environment.
-- column release String: Release.
-- column logger String: Name of the logger or scope.
-- column protocol String: sentry, otlp, otlp_logs.
-- column trace_id String: Trace.
-- column span_id String: Span.
-- column issue String: Of a record that made an issue.
-- column attributes Map(LowCardinality(String), String): Attributes.
-- column resource Map(LowCardinality(String), String): Attributes of the process.
-- cost: Time and filter columns of the window. 80 ms for an hour of 5 million.
-- bound: 10,000 rows; the days of the window.
SELECT ts, log_id, project_id, body, <<severity "severity">> AS level, CAST(severity_text, 'String') AS severity_text, CAST(service, 'String') AS service,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, CAST(scope_name, 'String') AS logger, toString(protocol) AS protocol, trace_id, span_id,
    if(fingerprint = 0, '', <<hex (survivor "fingerprint")>>) AS issue, attributes, resource
FROM logs
WHERE <<.Projects>> AND logs.ts >= {from:DateTime64(3, 'UTC')} AND logs.ts <= {to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND
    AND <<.AnyOf "service">> AND <<.AnyOf "environment">>
    AND ({level:String} = '' OR has(splitByChar('\n', replaceAll({level:String}, 'fatal', 'critical')), <<severity "severity">>))
    AND <<.Words "body">>
    AND ({trace_id:String} = '' OR trace_id = lower({trace_id:String}))
    AND <<.LogFilters>>
ORDER BY if({order:String} = 'newest', -toUnixTimestamp64Micro(logs.ts), toUnixTimestamp64Micro(logs.ts)), log_id
LIMIT least({limit:UInt32}, 10000)
