-- Parts of a rollup that merging left over by their sizes cost each question
-- again all that it reads: a page of issues unpacks the states of its keys in
-- every part of issue_rollup. What is old enough becomes one part: what has a
-- row for each issue or release after minutes, rollups by time after a day;
-- none over the size that merges are bounded by anyway.
{{define "minutes"}}MODIFY SETTING min_age_to_force_merge_seconds = 600, enable_max_bytes_limit_for_min_age_to_force_merge = 1{{end -}}
{{define "day"}}MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = 1{{end -}}
ALTER TABLE {{local "issue_rollup"}}{{onCluster}} {{template "minutes"}};
ALTER TABLE {{local "release_rollup"}}{{onCluster}} {{template "minutes"}};
ALTER TABLE {{local "issue_release"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "issue_hour"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "issue_day"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "issue_tag"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "project_tag"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "tag_trend"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "project_minute"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "trace_index"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "segment_hour"}}{{onCluster}} {{template "day"}};
ALTER TABLE {{local "session_hour"}}{{onCluster}} {{template "day"}};
