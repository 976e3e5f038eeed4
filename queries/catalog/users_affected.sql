-- name: users_affected
-- purpose: Whom an issue hits: users with their number of events, most first.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits.
-- param from DateTime64 = -14d: Start.
-- param to DateTime64 = now: End.
-- param limit UInt32 = 100: Rows, at most 10000.
-- column user String: Id, else e-mail, name or address.
-- column events UInt64: Events.
-- column first_seen DateTime64(3, 'UTC'): First event of this user in the window.
-- column last_seen DateTime64(3, 'UTC'): Last event of this user in the window.
-- column all_users UInt64: Different users of the issue in the window (sketch).
-- cost: User columns of the issue's events in the window, 40 ms for 0.4 million.
-- bound: 10,000 rows. Users of counted flood rows are in all_users only.
SELECT u AS user, n AS events, toDateTime64(a, 3, 'UTC') AS first_seen, toDateTime64(b, 3, 'UTC') AS last_seen,
    assumeNotNull((SELECT uniqCombinedArrayMerge(12)(users) FROM issue_day WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
        AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')}))) AS all_users
FROM (
    SELECT any(multiIf(user_id != '', user_id, user_email != '', user_email, user_name != '', user_name, user_ip)) AS u, sum(toUInt64(weight)) AS n, min(ts) AS a, max(ts) AS b
    FROM events
    WHERE project_id = {project:UInt32} AND fingerprint IN <<members>> AND user_hash != 0
        AND toDate(ts) >= toDate({from:DateTime64(3, 'UTC')}) AND toDate(ts) <= toDate({to:DateTime64(3, 'UTC')}) AND ts >= {from:DateTime64(3, 'UTC')} AND ts <= {to:DateTime64(3, 'UTC')}
    GROUP BY user_hash
    ORDER BY n DESC, b DESC
    LIMIT 10000)
ORDER BY events DESC, last_seen DESC, user
LIMIT least({limit:UInt32}, 10000)
