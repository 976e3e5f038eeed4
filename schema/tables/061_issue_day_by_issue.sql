-- Days of one issue: the table is sorted by day, so that ninety of them would
-- unpack the users of all issues of the project. The short granules are those
-- rows and few others. Merges sort it anew, since rows of one key become one.
{{define "mode"}}MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild'{{end -}}
ALTER TABLE {{local "issue_day"}}{{onCluster}} {{template "mode"}};
ALTER TABLE {{local "issue_day"}}{{onCluster}}
    ADD PROJECTION IF NOT EXISTS by_issue (SELECT project_id, fingerprint, day, environment, release, events, users ORDER BY project_id, fingerprint, day)
    WITH SETTINGS (index_granularity = 256);
-- In the background; until then, and in parts that it did not reach, the table itself is read.
ALTER TABLE {{local "issue_day"}}{{onCluster}} MATERIALIZE PROJECTION by_issue;
