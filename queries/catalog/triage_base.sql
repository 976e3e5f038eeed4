-- name: triage_base
-- purpose: What a triage action remembers of this moment: counts of the issue and the newest release of its package.
-- param project UInt32 required: Project id.
-- param issue Issue required: 16 hex digits.
-- column events UInt64: Events ever.
-- column users UInt64: Users ever (sketch).
-- column newest_release String: As a version where the 20 newest releases are all versions, else the one first seen last.
-- cost: One key of issue_rollup and release_rollup of the project. 10 ms.
-- bound: One row.
WITH newest AS (
    SELECT release, min(first_seen) AS born, any(version) AS version
    FROM release_rollup
    WHERE project_id = {project:UInt32} AND package = (
        SELECT extract(argMaxMerge(last).6, '^(.*)@') FROM issue_rollup WHERE project_id = {project:UInt32} AND fingerprint = <<issue>>)
    GROUP BY release
    ORDER BY born DESC
    LIMIT 20)
SELECT sum(i.events) AS events, uniqCombinedArrayMerge(12)(i.users) AS users,
    assumeNotNull((SELECT if(min(version.1) = 1, argMax(release, (version, born)), argMax(release, born)) FROM newest)) AS newest_release
FROM issue_rollup AS i
WHERE project_id = {project:UInt32} AND fingerprint IN <<members>>
