-- Hours of one issue, as 061 has its days: the table is sorted by hour, so that
-- two weeks of an issue would unpack the users of all issues of the project.
{{define "mode"}}MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild'{{end -}}
ALTER TABLE {{local "issue_hour"}}{{onCluster}} {{template "mode"}};
ALTER TABLE {{local "issue_hour"}}{{onCluster}}
    ADD PROJECTION IF NOT EXISTS by_issue (SELECT project_id, fingerprint, hour, environment, release, events, users ORDER BY project_id, fingerprint, hour)
    WITH SETTINGS (index_granularity = 256);
-- In the background; until then, and in parts that it did not reach, the table itself is read.
ALTER TABLE {{local "issue_hour"}}{{onCluster}} MATERIALIZE PROJECTION by_issue;
