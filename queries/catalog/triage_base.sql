-- name: triage_base
-- purpose: What a triage action remembers of this moment: counts of each issue and the newest release of its package: that of the release that the issue was seen in last, else the one that the project was.
-- param project UInt32 required: Project id.
-- param fingerprints String required: 16 hex digits of each issue, with commas between.
-- column fingerprint UInt64: Of the issue; a number, for programs only.
-- column events UInt64: Events ever.
-- column users UInt64: Users ever (sketch).
-- column newest_release String: As a version where the 20 newest releases are all versions, else the one first seen last.
-- cost: Keys of issue_rollup, issue_release and release_rollup of the project, once for all issues. 10 ms.
-- bound: One row an issue.
WITH
    (SELECT arrayMap(h -> reinterpretAsUInt64(reverse(unhex(h))), splitByChar(',', {fingerprints:String}))) AS these,
    moved AS (SELECT fingerprint, survivor FROM issue_merges WHERE project_id = {project:UInt32}),
    (SELECT argMax(package, last_seen) FROM release_rollup WHERE project_id = {project:UInt32}) AS usual
SELECT g.issue_ AS fingerprint, g.n AS events, g.u AS users, r.newest AS newest_release
FROM (
    SELECT arrayJoin(if(m.survivor = 0, [i.fingerprint], arrayDistinct([i.fingerprint, m.survivor]))) AS issue_,
        sum(i.events) AS n, uniqCombinedArrayMerge(12)(i.users) AS u, if(max(s.seen) = <<zero>>, usual, argMax(s.package, s.seen)) AS package
    FROM (
        SELECT fingerprint, sum(r.events) AS events, uniqCombinedArrayMergeState(12)(r.users) AS users FROM issue_rollup AS r
        WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT arrayJoin(these) UNION DISTINCT SELECT fingerprint FROM moved WHERE has(these, survivor))
        GROUP BY fingerprint) AS i
    LEFT JOIN moved AS m ON m.fingerprint = i.fingerprint
    LEFT JOIN (
        SELECT fingerprint, extract(argMax(CAST(release, 'String'), last_seen), '^(.*)@') AS package, max(last_seen) AS seen FROM issue_release
        WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT arrayJoin(these) UNION DISTINCT SELECT fingerprint FROM moved WHERE has(these, survivor))
        GROUP BY fingerprint) AS s ON s.fingerprint = i.fingerprint
    GROUP BY issue_) AS g
LEFT JOIN (
    SELECT package, if(min(version.1) = 1, argMax(release, (version, born)), argMax(release, born)) AS newest
    FROM (
        SELECT package, release, min(first_seen) AS born, any(version) AS version
        FROM release_rollup
        WHERE project_id = {project:UInt32}
        GROUP BY package, release
        ORDER BY born DESC
        LIMIT 20 BY package)
    GROUP BY package) AS r ON r.package = g.package
WHERE has(these, g.issue_)
