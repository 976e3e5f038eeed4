package bench

import _ "embed"

// The questions that verifying asks; kept as files like all SQL.
var (
	//go:embed sql/count.sql
	sqlCount string
	//go:embed sql/issues.sql
	sqlIssues string
	//go:embed sql/events.sql
	sqlEvents string
	//go:embed sql/counted.sql
	sqlCounted string
	//go:embed sql/ids.sql
	sqlIDs string
	//go:embed sql/traces.sql
	sqlTraces string
)
