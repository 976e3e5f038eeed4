-- The append-only triage log. State is computed from it and from the issue's
-- own aggregates; nothing is ever updated.
{{createEverywhere "issue_actions"}}
(
    project_id    UInt32 COMMENT 'Project of the issue.',
    fingerprint   UInt64 COMMENT 'The issue acted on; for merge and split the fingerprint that moves.',
    at            DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.',
    action_id     UUID DEFAULT generateUUIDv7() COMMENT 'Identity of the action; undo names it.',
    actor         String COMMENT 'Who: always given.',
    action        LowCardinality(String) COMMENT 'resolve, unresolve, ignore, assign, merge, split, comment, priority, owner, undo.',
    resolution    LowCardinality(String) COMMENT 'Of resolve: now, in_release, in_next_release.',
    in_release    String COMMENT 'Of resolve: the release, or the newest one at that moment for in_next_release.',
    until         DateTime64(3, 'UTC') COMMENT 'Of ignore: until this time; zero for none.',
    until_events  UInt64 COMMENT 'Of ignore: until this many more events; 0 for none.',
    until_users   UInt64 COMMENT 'Of ignore: until this many users; 0 for none.',
    base_events   UInt64 COMMENT 'Of ignore: events of the issue at that moment.',
    base_users    UInt64 COMMENT 'Of ignore: users of the issue at that moment.',
    assignee      String COMMENT 'Of assign: to whom; empty for nobody.',
    owner         String COMMENT 'Of owner: team or person.',
    priority      LowCardinality(String) COMMENT 'Of priority: low, medium, high.',
    into          UInt64 COMMENT 'Of merge and split: fingerprint of the issue that it belongs to from now on.',
    target_action UUID COMMENT 'Of undo: which action.',
    bulk_id       UUID COMMENT 'Shared by the actions of one command; zero for a single one.',
    comment       String COMMENT 'Of any action: in words.'
)
ENGINE = {{engineEverywhere "MergeTree" "issue_actions"}}
ORDER BY (project_id, fingerprint, at, action_id)
SETTINGS {{dedup}};
