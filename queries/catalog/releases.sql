-- name: releases
-- purpose: Releases of a project: events, new issues, sessions, crash-free rates.
-- param project UInt32 required: Project id.
-- param limit UInt32 = 100: Rows, at most 1000.
-- column release String: Release.
-- column first_seen DateTime64(3, 'UTC'): First event or session.
-- column last_seen DateTime64(3, 'UTC'): Last event or session.
-- column events UInt64: Events.
-- column issues UInt64: Issues seen in it.
-- column new_issues UInt64: Issues first seen in it.
-- column sessions UInt64: Sessions.
-- column crashed_sessions UInt64: Of them crashed.
-- column crash_free_sessions Nullable(Float64): Share from 0 to 1; null without sessions.
-- column users UInt64: Users of sessions (sketch).
-- column crash_free_users Nullable(Float64): Share from 0 to 1; null without users.
-- cost: release_rollup, issue_release and session_hour of the project. 20 ms.
-- bound: 1000 rows.
SELECT release, first_seen, last_seen, events, issues, new_issues, sessions, crashed_sessions, crash_free_sessions, users, crash_free_users
FROM releases
WHERE project_id = {project:UInt32}
ORDER BY first_seen DESC, release
LIMIT least({limit:UInt32}, 1000)
