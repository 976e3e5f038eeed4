-- A merge of events took 27 us a row, most of it for moving blocks of whole rows
-- of 5 KB about. Column by column it takes 18 and less memory; the server does
-- that from 131,072 rows on by itself, where the result has a file a column.
ALTER TABLE {{local "events"}}{{onCluster}} MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 1;
