-- A merge moves blocks of 10 MB through memory, from unpacking to packing, where
-- each core has a cache of one or two of its own: blocks of 4 MB take about a tenth less
-- CPU time and a sixth less memory. What is written is the same.
ALTER TABLE {{local "events"}}{{onCluster}} MODIFY SETTING merge_max_block_size_bytes = 4194304;
