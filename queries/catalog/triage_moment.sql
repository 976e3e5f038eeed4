-- name: triage_moment
-- purpose: When a triage action on these issues is, by the clock of the store: clocks of people differ, and the one who acts last is right.
-- param project UInt32 required: Project id.
-- param fingerprints String required: 16 hex digits each, with commas between.
-- column at DateTime64(3, 'UTC'): Now, or right after the newest action on them.
-- column seen DateTime64(3, 'UTC'): Their newest event, where a clock that is ahead says that it is yet to come; else zero.
-- cost: The triage log and what issue_rollup has of the next minute. 5 ms.
-- bound: One row.
WITH
    (SELECT arrayMap(h -> reinterpretAsUInt64(reverse(unhex(h))), splitByChar(',', {fingerprints:String}))) AS these
SELECT
    greatest(now64(3, 'UTC'), assumeNotNull((
        SELECT toDateTime64(max(a.at), 3, 'UTC') + INTERVAL 1 MILLISECOND FROM issue_actions AS a
        WHERE project_id = {project:UInt32} AND has(these, fingerprint) AND a.at <= now64(3, 'UTC') + INTERVAL 2 MINUTE))) AS at,
    assumeNotNull((SELECT toDateTime64(max(last_seen), 3, 'UTC') FROM issue_rollup
        WHERE project_id = {project:UInt32} AND last_seen > now64(3, 'UTC') AND last_seen <= now64(3, 'UTC') + INTERVAL 2 MINUTE AND has(these, <<survivor "fingerprint">>))) AS seen
