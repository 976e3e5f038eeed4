-- Which stored events regrouping moved from one fingerprint to another: what
-- takes it back.
{{create "regroup_moves"}}
(
    project_id UInt32 COMMENT 'As in events.',
    run        UUID COMMENT 'The regrouping: bulk_id of its actions in issue_actions.',
    event_id   UUID COMMENT 'As in events.',
    origin     UInt64 COMMENT 'Fingerprint before.' CODEC(ZSTD(1)),
    target     UInt64 COMMENT 'Fingerprint after.' CODEC(ZSTD(1))
)
ENGINE = {{engine "MergeTree" "regroup_moves"}}
ORDER BY (project_id, run, event_id)
SETTINGS {{dedup}};

{{dist "regroup_moves" "cityHash64(project_id, event_id)"}}
