package main

import "errata/deploy/local/clickhouse"

// clickhouseChildCmd is what errata up starts as the ClickHouse process.
type clickhouseChildCmd struct{ clickhouse.Child }
