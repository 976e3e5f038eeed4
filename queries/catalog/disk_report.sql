-- name: disk_report
-- purpose: Where the disk goes: bytes, rows and bytes a row of every table, indexes apart.
-- user: errata
-- column table String: Table.
-- column rows UInt64: Rows.
-- column bytes UInt64: On disk.
-- column bytes_per_row Float64: On disk.
-- column index_bytes UInt64: Of them skip indexes and primary key.
-- column uncompressed UInt64: Before compression.
-- column parts UInt64: Active parts.
-- column partitions UInt64: Active partitions.
-- column oldest DateTime: Oldest time in the table, where its partitions have one.
-- column share Float64: Of all bytes, from 0 to 1.
-- cost: System tables. 20 ms.
-- bound: One row a table.
SELECT table, sum(p.rows) AS rows, sum(p.bytes_on_disk) AS bytes, if(rows > 0, bytes / rows, 0) AS bytes_per_row,
    sum(p.secondary_indices_compressed_bytes + p.primary_key_size) AS index_bytes, sum(p.data_uncompressed_bytes) AS uncompressed,
    count() AS parts, uniqExact(p.partition) AS partitions, min(p.min_time) AS oldest, bytes / sum(bytes) OVER () AS share
FROM system.parts AS p
WHERE database = currentDatabase() AND active
GROUP BY table
ORDER BY bytes DESC
