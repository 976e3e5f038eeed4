-- name: triage_since
-- purpose: What an ignore until more events or users counts from after the members of its issue changed: what there is now less what came since it was ignored.
-- param project UInt32 required: Project id.
-- param id UUID required: Action id of the ignore.
-- param fingerprints String required: Members of the issue from now on, 16 hex digits each, with commas between.
-- column until DateTime64(3, 'UTC'): The time until which it is ignored; zero for none.
-- column until_events UInt64: Until this many more events; 0 for none.
-- column until_users UInt64: Until this many more users; 0 for none.
-- column base_events UInt64: Events of all members that came before it was ignored.
-- column base_users UInt64: Users of them (sketch, less the users that events since then brought).
-- cost: The events of the members by key, five columns. 20 ms for 0.1 million.
-- bound: One row; asked once, when fingerprints of an ignored issue are merged or split.
WITH
    (SELECT arrayMap(h -> reinterpretAsUInt64(reverse(unhex(h))), splitByChar(',', {fingerprints:String}))) AS members,
    assumeNotNull((SELECT max(at) FROM issue_actions WHERE project_id = {project:UInt32} AND action_id = {id:UUID})) AS moment
SELECT ignored.until AS until, ignored.until_events AS until_events, ignored.until_users AS until_users,
    toUInt64(greatest(0, toInt64(now.n) - toInt64(since.n))) AS base_events, toUInt64(greatest(0, toInt64(now.u) - toInt64(since.u))) AS base_users
FROM (SELECT until, until_events, until_users FROM issue_actions WHERE project_id = {project:UInt32} AND action_id = {id:UUID}) AS ignored
CROSS JOIN (
    SELECT sum(events) AS n, uniqCombinedArrayMerge(12)(users) AS u
    FROM issue_rollup
    WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT arrayJoin(members))) AS now
CROSS JOIN (
    SELECT sumIf(toUInt64(weight), received_at > moment) AS n, uniqExactArray(hashes_) - uniqExactArrayIf(hashes_, received_at <= moment) AS u
    FROM (
        SELECT weight, received_at, arrayFilter(h -> h != 0, arrayPushBack(user_hashes, user_hash)) AS hashes_
        FROM events
        WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT arrayJoin(members)))) AS since
