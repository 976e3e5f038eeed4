package otlp

import (
	"slices"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	respb "go.opentelemetry.io/proto/otlp/resource/v1"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/identity"
	"errata/schema"
)

// resource is what a resource says of all its items.
type resource struct {
	tags        []*schema.Tag
	service     string
	release     string
	environment string
	serverName  string
	language    string // telemetry.sdk.language.
	platform    string // Sentry's name for it; empty where unknown.
	sdkName     string
	sdkVersion  string
	eventTags   []*schema.Tag // Made when first asked for, like id.
	id          string
}

// identity tells resources apart: two processes may write equal records at the
// same time.
func (r *resource) identity() string {
	if r.id == "" {
		r.id = identity.Digest(r.tags)
	}
	return r.id
}

// searchable returns the tags that events take over from their resource.
func (r *resource) searchable() []*schema.Tag {
	if r.eventTags == nil {
		r.eventTags = attribute.Searchable(r.tags)
		if r.serverName != "" {
			// Sentry has it as a tag too.
			r.eventTags = append(r.eventTags, &schema.Tag{Key: "server_name", Value: attribute.Clipped(r.serverName, schema.MaxTagValue)})
		}
	}
	return r.eventTags
}

func (a *adapter) resource(r *respb.Resource) *resource {
	room := attribute.RoomResource
	ts := a.attributes.Tags(r.GetAttributes(), r.GetDroppedAttributesCount(), &room)
	out := &resource{
		tags:        ts,
		service:     attribute.Clipped(attribute.Value(ts, "service.name"), schema.MaxTagValue),
		release:     attribute.Clipped(strings.TrimSpace(attribute.Value(ts, "service.version", "sentry.release")), schema.MaxRelease),
		environment: attribute.Clipped(strings.TrimSpace(attribute.Value(ts, "deployment.environment.name", "deployment.environment", "sentry.environment")), schema.MaxEnvironment),
		serverName:  attribute.Clipped(attribute.Value(ts, "host.name", "k8s.pod.name"), schema.MaxTagValue),
		language:    attribute.Value(ts, "telemetry.sdk.language"),
		sdkName:     attribute.Value(ts, "telemetry.sdk.name"),
		sdkVersion:  attribute.Clipped(attribute.Value(ts, "telemetry.sdk.version"), schema.MaxTagValue),
	}
	out.platform = platforms[out.language]
	if out.sdkName != "" && out.language != "" {
		out.sdkName += "." + out.language
	}
	out.sdkName = attribute.Clipped(out.sdkName, schema.MaxTagValue)
	return out
}

// platforms maps telemetry.sdk.language to Sentry's platform names.
var platforms = map[string]string{
	"python": "python", "nodejs": "node", "webjs": "javascript", "java": "java", "go": "go",
	"dotnet": "csharp", "ruby": "ruby", "php": "php", "cpp": "native", "rust": "native",
	"swift": "cocoa", "erlang": "elixir", "elixir": "elixir", "kotlin": "java",
}

// scope is an instrumentation scope.
type scope struct {
	name, version string
	tags          []*schema.Tag // Its attributes, as items take them over.
	logTags       []*schema.Tag // With the version, for which logs have no column.
	metricTags    []*schema.Tag // With name and version, for which metrics have none.
}

func (a *adapter) scope(s *common.InstrumentationScope) scope {
	room := attribute.RoomResource
	out := scope{
		name:    a.named(s.GetName(), schema.MaxTagValue),
		version: a.named(s.GetVersion(), schema.MaxTagValue),
		tags:    a.attributes.Tags(s.GetAttributes(), s.GetDroppedAttributesCount(), &room),
	}
	for _, t := range out.tags {
		t.Key = "otel.scope." + t.Key
	}
	out.logTags = slices.Clip(out.tags)
	if out.version != "" {
		out.logTags = slices.Clip(append(out.logTags, &schema.Tag{Key: "otel.scope.version", Value: out.version}))
	}
	out.metricTags = out.logTags
	if out.name != "" {
		out.metricTags = append(out.metricTags, &schema.Tag{Key: "otel.scope.name", Value: out.name})
	}
	return out
}

// Clocks of clients are believed within these bounds. Beyond them the time of
// receipt counts and the original is kept as an attribute: rows of far years
// would each open a partition of their own.
const (
	maxFuture     = 24 * time.Hour
	maxEventAhead = time.Minute // Events, as Sentry has it.
)

// when returns unix microseconds of a time in nanoseconds, or of the receipt
// where it is missing or not to be believed; then original is set.
func (a *adapter) when(ns uint64, ahead time.Duration) (us int64, original string) {
	received := a.req.ReceivedAt
	if ns == 0 || ns > 1<<63-1 {
		return received.UnixMicro(), ""
	}
	days := a.req.Project.RetentionDays
	if days == 0 {
		days = schema.DefaultRetentionDays
	}
	t := time.Unix(0, int64(ns))
	if t.After(received.Add(ahead)) || t.Before(received.AddDate(0, 0, -int(days))) {
		return received.UnixMicro(), t.UTC().Format(time.RFC3339Nano)
	}
	return int64(ns / 1000), ""
}

// named returns what a client calls something, without secrets and cut: it is no
// place for one, and some put them there.
func (a *adapter) named(s string, n int) string {
	return attribute.Clipped(a.req.Project.Scrubber.Attribute("name", s, a.attributes.Redacted), n)
}
