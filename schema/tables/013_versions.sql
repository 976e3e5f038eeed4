-- Releases as semantic versions, computed once where they are written: what
-- regressions are ordered by. A view that computed them would be planned for
-- 150 ms at every question.
ALTER TABLE {{local "release_rollup"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS package String MATERIALIZED extract(release, '^(.*)@') COMMENT 'Of release, before the @.',
    ADD COLUMN IF NOT EXISTS version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))) MATERIALIZED {{semver "release"}} COMMENT 'Of release: 1 where it is a version, its numbers, 1 where final, pre-release parts. Orders as semantic versions do.';
{{if not single}}ALTER TABLE {{name "release_rollup"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS package String,
    ADD COLUMN IF NOT EXISTS version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String)));
{{end}}
ALTER TABLE {{name "issue_actions"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS in_package String MATERIALIZED extract(in_release, '^(.*)@') COMMENT 'Of in_release, before the @.',
    ADD COLUMN IF NOT EXISTS in_version Tuple(UInt8, UInt32, UInt32, UInt32, UInt32, UInt8, Array(Tuple(UInt8, UInt64, String))) MATERIALIZED {{semver "in_release"}} COMMENT 'Of in_release, as version in release_rollup.';
