-- What became of a check-in is asked by its id, which is what a client is told; the
-- table is in the order of monitors. Parts that the background has not reached are
-- read as a whole.
ALTER TABLE {{local "check_ins"}}{{onCluster}}
    ADD INDEX IF NOT EXISTS ix_check_in check_in_id TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE {{local "check_ins"}}{{onCluster}} MATERIALIZE INDEX ix_check_in SETTINGS mutations_sync = 0;
