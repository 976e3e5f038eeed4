package clickhouse

// Reserve is reserve, for tests.
var Reserve = reserve
