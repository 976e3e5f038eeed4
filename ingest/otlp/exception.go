package otlp

import (
	"strconv"

	common "go.opentelemetry.io/proto/otlp/common/v1"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/severity"
	"errata/ingest/otlp/thrown"
	"errata/schema"
	"errata/schema/grouping"
)

// maxFrames bounds the frames of one request. A body of full size cannot name
// more; only "previous line repeated" can ask for more than it sends.
const maxFrames = 250_000

// thrown reads an exception and counts its frames.
func (a *adapter) thrown(kvs []*common.KeyValue, language string) thrown.Exception {
	t := thrown.Read(kvs, language, a.frames < maxFrames)
	for i := range t.Chain {
		a.frames += len(t.Chain[i].Frames)
	}
	return t
}

// origin is where an exception was recorded: what of span or log record and of
// their surroundings the event takes over.
type origin struct {
	protocol    schema.Protocol
	id          []byte
	ns          uint64
	eventName   string
	level       schema.Level
	res         *resource
	scope       *scope
	message     string // Log body.
	query       string // Of the URL that a server answered.
	logger      string
	traceID     string
	spanID      string
	parentID    string
	outerID     string // Parent of the outermost span that recorded it.
	op          string
	status      uint32
	transaction string
	sampled     bool
	own         []*schema.Tag   // Attributes of the span or record itself.
	server      []*schema.Tag   // Attributes of the span that answered the request, or nil.
	tags        [][]*schema.Tag // Searchable ones, the own first.
	folded      uint32
}

// event makes the row of one error.
func (a *adapter) event(o *origin, t *thrown.Exception) *schema.Event {
	us, original := a.when(o.ns, maxEventAhead)
	res := o.res
	platform := res.platform
	if platform == "" {
		platform = thrown.Platform(t.Main().Frames)
	}
	ev := &schema.Event{
		EventId: o.id, Timestamp: us / 1000, Protocol: o.protocol, Type: "error", Level: o.level, Weight: 1,
		Platform: platform, SdkName: res.sdkName, SdkVersion: res.sdkVersion,
		Service: res.service, Environment: res.environment, Release: res.release, ServerName: res.serverName,
		Transaction: o.transaction, Logger: o.logger, EventName: o.eventName,
		TraceId: o.traceID, SpanId: o.spanID, TraceSampled: o.sampled, OuterSpanId: o.outerID,
		Folded: o.folded, PayloadBytes: uint32(min(t.Size(), 1<<31)),
	}
	a.task(ev, o)
	a.settle(ev, o)
	main := a.describe(ev, t)
	a.payload(ev, o, t, main, original)
	if a.scrub(ev, t) {
		a.describe(ev, t)
	}
	ev.UserHash = schema.UserHash(ev.UserId, ev.UserName, ev.UserEmail, ev.UserIp)
	for _, n := range t.Redacted {
		ev.Redactions += uint32(n)
	}
	return ev
}

// describe groups an event and returns the place of its main exception.
func (a *adapter) describe(ev *schema.Event, t *thrown.Exception) int {
	return a.req.Project.Describe(ev, &grouping.Input{
		Platform: ev.Platform, Exceptions: t.Chain, Message: ev.Message,
		Transaction: ev.Transaction, Logger: ev.Logger, Level: severity.Name(ev.Level),
		Release: ev.Release, RequestURL: ev.Url, Tags: ev.Tags, Type: ev.Type, SDK: ev.SdkName,
	})
}

// task reads what Celery's instrumentation says of the task that ran.
func (a *adapter) task(ev *schema.Event, o *origin) {
	for _, ts := range [][]*schema.Tag{o.own, o.server} {
		if ev.TaskName = attribute.Clipped(attribute.Value(ts, "celery.task_name"), schema.MaxTransaction); ev.TaskName == "" {
			continue
		}
		ev.TaskId = attribute.Clipped(attribute.Value(ts, "messaging.message.id", "messaging.message_id"), schema.MaxTagValue)
		n, _ := strconv.ParseUint(attribute.Value(ts, "celery.retries"), 10, 32)
		ev.TaskRetries = uint32(n)
		return
	}
}
