package schema

// Names of the topics (before an operator's prefix). Errors never queue behind
// spans.
const (
	TopicEvents   = "errata.events"   // Errors, messages, security reports, feedback, attachments.
	TopicSpans    = "errata.spans"    // Spans of both protocols.
	TopicLogs     = "errata.logs"     // Log records.
	TopicSessions = "errata.sessions" // Sessions, check-ins, metrics.
	TopicOutcomes = "errata.outcomes" // Receipts and fates of requests that left no other record.
	TopicDead     = "errata.dead"     // Poison records with their reason and coordinates.
)

// Topics lists all topics that rows are read from, in a fixed order. TopicDead
// is not among them: only a replay reads it.
var Topics = []string{TopicEvents, TopicSpans, TopicLogs, TopicSessions, TopicOutcomes}

// MaxRecordBytes bounds one message on a topic; Apache Kafka refuses messages
// over about 1 MiB by default.
const MaxRecordBytes = 900 << 10
