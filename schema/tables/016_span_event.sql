-- errata where finds a transaction by its event id.
ALTER TABLE {{local "spans"}}{{onCluster}}
    ADD INDEX IF NOT EXISTS ix_event event_id TYPE bloom_filter(0.01) GRANULARITY 1;
