-- A merge of ten blocks costs an event about what one of five does, and the next
-- level begins with a hundred blocks instead of twenty-five: under a load that
-- lasts each event is written once less. Questions read a few more young parts.
ALTER TABLE {{local "events"}}{{onCluster}} MODIFY SETTING merge_selector_base = 10;
