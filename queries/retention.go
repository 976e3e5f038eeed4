package queries

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/catalog"
)

// DropExpired drops the partitions whose every row is past its retention: a
// partition holds one retention class and one week or day, so that nothing is
// rewritten. ClickHouse does the same by itself when it merges; this does it
// now. The result names what was dropped.
func DropExpired(ctx context.Context, conn driver.Conn) (*Result, error) {
	// The class is the first member of the partition key; a week or a day is
	// over when its newest row is.
	rows, err := conn.Query(ctx, `SELECT table, partition, partition_id, sum(rows), sum(bytes_on_disk)
		FROM system.parts
		WHERE database = currentDatabase() AND active AND partition LIKE '(%,%' AND toUInt32OrZero(extract(partition, '^\\((\\d+),')) > 0
		GROUP BY table, partition, partition_id
		HAVING max(max_time) > toDateTime(0) AND max(max_time) < now() - toIntervalDay(toUInt32(extract(partition, '^\\((\\d+),')))
		ORDER BY table, partition`)
	if err != nil {
		return nil, fmt.Errorf("cannot list partitions: %w", err)
	}
	r := &Result{Columns: []catalog.Field{{Name: "table"}, {Name: "partition"}, {Name: "rows"}, {Name: "bytes"}}}
	type drop struct{ table, id string }
	var drops []drop
	for rows.Next() {
		var d drop
		var partition string
		var n, bytes uint64
		if err := rows.Scan(&d.table, &partition, &d.id, &n, &bytes); err != nil {
			rows.Close()
			return nil, fmt.Errorf("cannot list partitions: %w", err)
		}
		drops = append(drops, d)
		r.Rows = append(r.Rows, []any{d.table, partition, n, bytes})
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot list partitions: %w", err)
	}
	for _, d := range drops {
		// Both names come from the server's own list.
		table := "`" + strings.ReplaceAll(d.table, "`", "") + "`"
		if err := conn.Exec(ctx, "ALTER TABLE "+table+" DROP PARTITION ID '"+strings.ReplaceAll(d.id, "'", "")+"'"); err != nil {
			return nil, fmt.Errorf("cannot drop partition %s of %s: %w", d.id, d.table, err)
		}
	}
	return r, nil
}
