-- name: release_compare
-- purpose: Each release against the one before it, in the order that they were first seen: new issues, issues that came back, crash-free rate, errors a session, and a verdict.
-- param project UInt32 required: Project id.
-- param environment String: Environment of events and sessions; empty for all.
-- param limit UInt32 = 20: Newest releases, at most 200.
-- column release String: Release.
-- column before String: The release before it.
-- column first_seen DateTime64(3, 'UTC'): First event or session.
-- column events UInt64: Events.
-- column new_issues UInt64: Issues first seen in it.
-- column returned_issues UInt64: Issues that the release before did not have and an older one had.
-- column sessions UInt64: Sessions.
-- column crash_free Nullable(Float64): Share of sessions without a crash.
-- column crash_free_before Nullable(Float64): Of the release before.
-- column events_per_session Nullable(Float64): Errors a session.
-- column verdict String: worse, better, same, unknown: by crash-free sessions, 0.5 points apart, from 100 sessions on.
-- cost: issue_release, release_rollup and session_hour of the project. 50 ms at 2,000 issues and 100 releases.
-- bound: 200 rows.
WITH
    known AS (
        SELECT release, min(born) AS born, sum(n) AS n, row_number() OVER (ORDER BY born, release) AS rank
        FROM (
            SELECT release, min(first_seen) AS born, sum(events) AS n FROM release_rollup
            WHERE project_id = {project:UInt32} AND <<.Same "environment" "environment">> GROUP BY release
            UNION ALL
            SELECT CAST(release, 'String'), toDateTime64(min(hour), 3, 'UTC'), toUInt64(0) FROM session_hour
            WHERE project_id = {project:UInt32} AND release != '' AND <<.Same "environment" "environment">> GROUP BY release)
        GROUP BY release)
SELECT r.release AS release, lagInFrame(r.release) OVER w AS before, toDateTime64(r.born, 3, 'UTC') AS first_seen, r.n AS events,
    i.fresh AS new_issues, i.returned AS returned_issues, s.started_ AS sessions,
    if(s.started_ > 0, 1 - s.crashed_ / s.started_, NULL) AS crash_free, lagInFrame(crash_free) OVER w AS crash_free_before,
    if(s.started_ > 0, r.n / s.started_, NULL) AS events_per_session,
    multiIf(s.started_ < 100 OR isNull(crash_free_before), 'unknown', crash_free < crash_free_before - 0.005, 'worse', crash_free > crash_free_before + 0.005, 'better', 'same') AS verdict
FROM known AS r
LEFT JOIN (
    SELECT rank, countIf(place = 1) AS fresh, countIf(place > 1 AND rank > last_rank + 1) AS returned
    FROM (
        SELECT k.rank AS rank, row_number() OVER i AS place, lagInFrame(k.rank) OVER i AS last_rank
        FROM (
            SELECT <<survivor "fingerprint">> AS survivor, CAST(release, 'String') AS release FROM issue_release
            WHERE project_id = {project:UInt32} AND <<.Same "environment" "environment">> GROUP BY survivor, release) AS x
        INNER JOIN known AS k ON k.release = x.release
        WINDOW i AS (PARTITION BY x.survivor ORDER BY k.rank ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
    GROUP BY rank) AS i ON i.rank = r.rank
LEFT JOIN (
    SELECT CAST(release, 'String') AS release, sum(started) AS started_, sum(crashed) AS crashed_ FROM session_hour
    WHERE project_id = {project:UInt32} AND <<.Same "environment" "environment">> GROUP BY release) AS s ON s.release = r.release
WINDOW w AS (ORDER BY r.rank ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
ORDER BY r.rank DESC
LIMIT least({limit:UInt32}, 200)
