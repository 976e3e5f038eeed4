-- name: project_releases
-- purpose: Releases of several projects with events, issues and crash-free rates, newest first.
-- param projects String: Project ids with commas between; empty for all.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column project_id UInt32: Project.
-- column release String: Release.
-- column first_seen DateTime64(3, 'UTC'): First event or session.
-- column last_seen DateTime64(3, 'UTC'): Last event or session.
-- column events UInt64: Errors.
-- column issues UInt64: Issues that have events in it.
-- column new_issues UInt64: Issues first seen in it.
-- column sessions UInt64: Sessions.
-- column crashed_sessions UInt64: Of them crashed.
-- column crash_free_sessions Nullable(Float64): Share of sessions without a crash; null without sessions.
-- column users UInt64: Users with sessions (sketch).
-- column crash_free_users Nullable(Float64): Share of users without a crash; null without sessions.
-- cost: Rollups of releases and sessions of the projects.
-- bound: 1000 rows.
SELECT project_id, release, first_seen, last_seen, events, issues, new_issues, sessions, crashed_sessions, crash_free_sessions, users, crash_free_users
FROM releases
WHERE {projects:String} = '' OR has(splitByChar(',', {projects:String}), toString(project_id))
ORDER BY first_seen DESC, project_id, release
LIMIT least({limit:UInt32}, 1000)
