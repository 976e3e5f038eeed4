-- name: triage_known
-- purpose: Which of these fingerprints a project has seen.
-- param project UInt32 required: Project id.
-- param fingerprints String required: 16 hex digits each, with commas between.
-- column fingerprint UInt64: A number, for programs only.
-- cost: Keys of issue_rollup. 3 ms.
-- bound: One row a fingerprint.
SELECT fingerprint
FROM issue_rollup
WHERE project_id = {project:UInt32} AND fingerprint IN (SELECT arrayJoin(arrayMap(h -> reinterpretAsUInt64(reverse(unhex(h))), splitByChar(',', {fingerprints:String}))))
GROUP BY fingerprint
