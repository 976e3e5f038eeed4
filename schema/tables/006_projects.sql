-- Tenants and their keys. A change appends a row; the newest wins: read both
-- tables with FINAL.
{{createEverywhere "projects"}}
(
    id             UInt32 COMMENT 'Positive: SDKs refuse anything else.',
    slug           String COMMENT 'Unique name for people.',
    name           String COMMENT 'Title for people.',
    platform       LowCardinality(String) COMMENT 'Main platform, for set-up hints.',
    retention_days UInt32 DEFAULT 90 COMMENT 'Retention class.',
    otlp_default   Bool COMMENT 'Takes OTLP requests without a key.',
    settings       String COMMENT 'JSON: filters, quotas, scrubbing, grouping rules; empty means defaults.',
    disabled       Bool COMMENT 'Refuses everything.',
    updated_at     DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'Version of the row: the newest wins.'
)
ENGINE = {{engineEverywhere "ReplacingMergeTree" "projects" "updated_at"}}
ORDER BY id
SETTINGS {{dedup}};

{{createEverywhere "project_keys"}}
(
    project_id UInt32 COMMENT 'Project that the key belongs to.',
    public     String COMMENT 'Public key of the DSN: 32 lower hex digits.',
    label      String COMMENT 'Name for people.',
    disabled   Bool COMMENT 'Refuses everything.',
    created_at DateTime64(3, 'UTC') COMMENT 'When the key was made.',
    settings   String COMMENT 'JSON: rate limits of this key; empty means none.',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'Version of the row: the newest wins.'
)
ENGINE = {{engineEverywhere "ReplacingMergeTree" "project_keys" "updated_at"}}
ORDER BY (project_id, public)
SETTINGS {{dedup}};
