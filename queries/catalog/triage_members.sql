-- name: triage_members
-- purpose: The fingerprints of these issues, and the issue that each belongs to now, from the merge log itself.
-- param project UInt32 required: Project id.
-- param fingerprints String required: 16 hex digits each, with commas between.
-- column fingerprint UInt64: A number, for programs only.
-- column survivor UInt64: A number, for programs only.
-- cost: The merge log of the project and keys of issue_rollup. 5 ms.
-- bound: One row a fingerprint.
SELECT fingerprint, survivor
FROM (
    SELECT r.fingerprint AS fingerprint, if(m.survivor = 0, r.fingerprint, m.survivor) AS survivor
    FROM (
        SELECT fingerprint FROM issue_rollup
        WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT arrayJoin(arrayMap(h -> reinterpretAsUInt64(reverse(unhex(h))), splitByChar(',', {fingerprints:String}))))
        GROUP BY fingerprint
        UNION DISTINCT
        SELECT fingerprint FROM issue_merges
        WHERE project_id = {project:UInt32} AND survivor IN (SELECT arrayJoin(arrayMap(h -> reinterpretAsUInt64(reverse(unhex(h))), splitByChar(',', {fingerprints:String}))))) AS r
    LEFT JOIN (SELECT fingerprint, survivor FROM issue_merges WHERE project_id = {project:UInt32}) AS m ON m.fingerprint = r.fingerprint)
ORDER BY fingerprint
