-- A release is known from its first session or transaction on, not only from its
-- first error: the next release is the one after all that is out, and a release
-- that had been out before brings nothing back, whenever its first error comes.
-- Their events are 0: what counts errors by release says what it said.
{{materialized "release_sessions_mv" "release_rollup"}}
SELECT project_id, release, environment,
    min(s.started) AS first_seen, max(s.started) AS last_seen, toUInt64(0) AS events
FROM {{local "sessions"}} AS s
WHERE release != ''
GROUP BY project_id, release, environment;

{{materialized "release_spans_mv" "release_rollup"}}
SELECT project_id, release, environment,
    toDateTime64(min(s.ts), 3, 'UTC') AS first_seen, toDateTime64(max(s.ts), 3, 'UTC') AS last_seen, toUInt64(0) AS events
FROM {{local "spans"}} AS s
WHERE is_segment AND protocol = 'sentry' AND release != ''
GROUP BY project_id, release, environment;
