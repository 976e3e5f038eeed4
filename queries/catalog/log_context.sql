-- name: log_context
-- purpose: What a service wrote just before or after one log record.
-- param project UInt32 required: Project id.
-- param service String: Service of the record.
-- param at_us UInt64 = 0: Time of the record, microseconds since the epoch.
-- param log_id UUID = 00000000000000000000000000000000: The record, which is left out.
-- param direction String = backward of backward,forward: Before or after.
-- param limit UInt32 = 10: Rows, at most 1000.
-- column ts DateTime64(6, 'UTC'): When it was written.
-- column log_id UUID: Id.
-- column project_id UInt32: Project.
-- column body String: The line.
-- column level String: trace, debug, info, warning, error, critical, unknown.
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
-- cost: An hour of one service by the primary key. 10 ms.
-- bound: 1000 rows, one hour.
-- Who knows the time of the record in milliseconds only, as Grafana does, means the record itself.
WITH greatest(toInt64({at_us:UInt64}), (
    SELECT max(toUnixTimestamp64Micro(logs.ts)) FROM logs
    WHERE project_id = {project:UInt32} AND service = {service:String} AND log_id = {log_id:UUID}
        AND logs.ts >= fromUnixTimestamp64Micro(toInt64({at_us:UInt64})) AND logs.ts < fromUnixTimestamp64Micro(toInt64({at_us:UInt64})) + INTERVAL 1 MILLISECOND)) AS exact
SELECT ts, log_id, project_id, body, <<severity "severity">> AS level, CAST(severity_text, 'String') AS severity_text, CAST(service, 'String') AS service,
    CAST(environment, 'String') AS environment, CAST(release, 'String') AS release, CAST(scope_name, 'String') AS logger, toString(protocol) AS protocol, trace_id, span_id,
    if(fingerprint = 0, '', <<hex (survivor "fingerprint")>>) AS issue, attributes, resource
FROM logs
WHERE project_id = {project:UInt32} AND service = {service:String}
    AND if({direction:String} = 'backward', (toUnixTimestamp64Micro(logs.ts), toUInt128(log_id)) < (exact, toUInt128({log_id:UUID})), (toUnixTimestamp64Micro(logs.ts), toUInt128(log_id)) > (exact, toUInt128({log_id:UUID})))
    AND logs.ts >= fromUnixTimestamp64Micro(toInt64({at_us:UInt64})) - if({direction:String} = 'backward', INTERVAL 1 HOUR, INTERVAL 0 HOUR)
    AND logs.ts <= fromUnixTimestamp64Micro(toInt64({at_us:UInt64})) + if({direction:String} = 'forward', INTERVAL 1 HOUR, INTERVAL 1 MILLISECOND)
ORDER BY if({direction:String} = 'backward', -toUnixTimestamp64Micro(logs.ts), toUnixTimestamp64Micro(logs.ts)), if({direction:String} = 'backward', bitNot(toUInt128(log_id)), toUInt128(log_id))
LIMIT least({limit:UInt32}, 1000)
