package schema

// Fates of an accepted item. Each accepted item ends in exactly one of them:
// per project, minute and category, accepted = sum of the rest.
const (
	OutcomeAccepted     = "accepted"             // Written once for each item taken in (from receipts).
	OutcomeStored       = "stored"               // A row of its own, counted.
	OutcomeDuplicate    = "duplicate"            // Same event id as a stored one: not stored again.
	OutcomeTwin         = "twin"                 // Another witness of a counted occurrence: stored with weight 0.
	OutcomeSampled      = "sampled"              // Counted by a flood row, its body not kept.
	OutcomeFiltered     = "filtered"             // By an inbound filter of the project.
	OutcomeRateLimited  = "rate_limited"         // Over a quota.
	OutcomeInvalid      = "invalid"              // Could not be read.
	OutcomeTooLarge     = "too_large"            // Over a size limit.
	OutcomeDropped      = "accepted_and_dropped" // Of a kind that is not kept; the reason names it.
	OutcomeDeadLetter   = "dead_letter"          // Refused by decoder or table; waits in errata.dead.
	OutcomeOffsetGap    = "offset_gap"           // Records that the topic lost before they were read.
	OutcomeClientReport = "client_report"        // The client says it dropped them; outside the balance.
)

// Data categories, named as Sentry's rate limits name them. Outcomes, quotas
// and receipts count in these.
const (
	CategoryError       = "error" // All that makes an issue: errors, messages, security reports.
	CategoryTransaction = "transaction"
	CategorySpan        = "span"
	CategoryLog         = "log_item"
	CategorySession     = "session"
	CategoryMonitor     = "monitor"
	CategoryMetric      = "trace_metric"
	CategoryAttachment  = "attachment"
	CategoryFeedback    = "feedback"
	CategorySecurity    = "security"
	CategoryProfile     = "profile"
	CategoryReplay      = "replay"
	CategoryUnknown     = "default"
)
