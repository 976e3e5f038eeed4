package otlp

import (
	"strconv"
	"strings"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/identity"
	"errata/ingest/otlp/thrown"
	"errata/schema"
)

// Bounds of one span, as OTel's SDKs have them by default.
const (
	maxSpanEvents = 128
	maxSpanLinks  = 128
)

// Bits of Span.flags.
const (
	flagSampled   = 0x001
	flagHasRemote = 0x100
	flagRemote    = 0x200
)

// node is a span of the request with what its exceptions need of it.
type node struct {
	id     nodeID
	row    *schema.Span
	res    *resource
	scope  *scope
	parent *node // Nil where the request does not hold it.
	top    *node // The furthest ancestor in the request, or itself.
	depth  int   // Number of ancestors in the request.
	flags  uint32
	tags   []*schema.Tag // Made when first asked for.
}

func (nd *node) searchable() []*schema.Tag {
	if nd.tags == nil {
		nd.tags = attribute.Searchable(nd.row.Attributes)
	}
	return nd.tags
}

type nodeID struct {
	trace [16]byte
	span  [8]byte
}

// found is an exception of a span event, before it is known whether it is the
// same failure as another one.
type found struct {
	node  *node
	event *tracepb.Span_Event
	index int // Of the event in its span.
}

func (a *adapter) traces(m *coltrace.ExportTraceServiceRequest, size uint64) {
	var order []*node
	var exceptions []found
	var n uint64
	for _, rs := range m.GetResourceSpans() {
		res := a.resource(rs.GetResource())
		for _, ss := range rs.GetScopeSpans() {
			sc := a.scope(ss.GetScope())
			for _, s := range ss.GetSpans() {
				n++
				row, reason := a.span(s, res, &sc)
				if reason != "" {
					a.reject(schema.CategorySpan, reason, schema.Protocol_PROTOCOL_OTLP)
					continue
				}
				nd := &node{id: nodeID{[16]byte(s.GetTraceId()), [8]byte(s.GetSpanId())}, row: row, res: res, scope: &sc, flags: s.GetFlags()}
				order = append(order, nd)
				a.batch.Spans = append(a.batch.Spans, row)
				for i, e := range s.GetEvents() {
					if thrown.Is(e) {
						exceptions = append(exceptions, found{nd, e, i})
					}
				}
			}
		}
	}
	if n > 0 {
		a.batch.Accept(schema.CategorySpan, n, size)
	}
	link(order)
	a.spanExceptions(exceptions)
}

// maxAncestors bounds every walk towards the root: parent ids come from
// outside and may be a circle or a very long line.
const maxAncestors = 128

// link finds parents within the request and names segments.
func link(order []*node) {
	find := func(id nodeID) *node { // Of one span alone.
		if order[0].id == id {
			return order[0]
		}
		return nil
	}
	if len(order) > 1 {
		nodes := make(map[nodeID]*node, len(order))
		for _, nd := range order {
			nodes[nd.id] = nd
		}
		find = func(id nodeID) *node { return nodes[id] }
	}
	for _, nd := range order {
		if p := nd.row.ParentSpanId; p != "" {
			id := nodeID{trace: nd.id.trace}
			identity.Unhex(id.span[:], p)
			nd.parent = find(id)
		}
	}
	for _, nd := range order {
		nd.top = nd
		named, segment := nd, nd.row.IsSegment
		for p := nd.parent; p != nil && nd.depth < maxAncestors; p = p.parent {
			nd.depth++
			nd.top = p
			if !segment {
				named, segment = p, p.row.IsSegment
			}
		}
		nd.row.SegmentName = transactionName(named.row)
	}
}

func (a *adapter) span(s *tracepb.Span, res *resource, sc *scope) (*schema.Span, string) {
	trace, ok := identity.TraceID(s.GetTraceId())
	if !ok {
		return nil, "invalid trace id"
	}
	id, ok := identity.SpanID(s.GetSpanId())
	if !ok {
		return nil, "invalid span id"
	}
	parent := a.optional(s.GetParentSpanId(), 8)
	scrubber := a.req.Project.Scrubber
	from := s.GetStartTimeUnixNano()
	if from == 0 {
		from = s.GetEndTimeUnixNano()
	}
	start, original := a.when(from, maxFuture)
	var duration uint64
	if end := s.GetEndTimeUnixNano(); end > s.GetStartTimeUnixNano() && s.GetStartTimeUnixNano() > 0 {
		duration = (end - s.GetStartTimeUnixNano()) / 1000
	}
	room := attribute.RoomAttributes
	row := &schema.Span{
		TraceId: trace, SpanId: id, ParentSpanId: parent,
		StartUs: start, DurationUs: duration, Protocol: schema.Protocol_PROTOCOL_OTLP,
		Service: res.service, Environment: res.environment, Release: res.release, ServerName: res.serverName,
		SdkName: res.sdkName, Resource: res.tags,
		ScopeName: sc.name, ScopeVersion: sc.version,
		Name:          attribute.Clipped(scrubber.Text(s.GetName(), a.attributes.Redacted), schema.MaxTransaction),
		Kind:          known(int32(s.GetKind()), 5),
		Status:        known(int32(s.GetStatus().GetCode()), 2),
		StatusMessage: attribute.Clipped(scrubber.Text(s.GetStatus().GetMessage(), a.attributes.Redacted), schema.MaxMessage),
		TraceState:    a.named(s.GetTraceState(), schema.MaxAttributeValue),
		SampleWeight:  sampleWeight(s.GetTraceState()),
		Attributes:    a.attributes.Tags(s.GetAttributes(), s.GetDroppedAttributesCount(), &room, sc.tags...),
	}
	if original != "" {
		row.Attributes = append(row.Attributes, &schema.Tag{Key: attribute.OriginalTime, Value: original})
	}
	remote := s.GetFlags()&flagHasRemote != 0 && s.GetFlags()&flagRemote != 0
	row.IsSegment = parent == "" || remote || row.Kind == 2 || row.Kind == 5
	row.HttpStatus = attribute.HTTPStatus(row.Attributes)
	row.Op = operation(row)
	row.UserHash = attribute.User(row.Attributes, res.tags).Hash()
	a.spanEvents(row, s)
	return row, ""
}

func (a *adapter) spanEvents(row *schema.Span, s *tracepb.Span) {
	dropped := s.GetDroppedEventsCount()
	room := attribute.RoomEvents
	for _, e := range s.GetEvents() {
		name := a.named(e.GetName(), schema.MaxTagKey)
		room -= len(name) + attribute.Overhead
		if len(row.Events) == maxSpanEvents || room < 0 {
			dropped++
			continue
		}
		at, original := a.when(e.GetTimeUnixNano(), maxFuture)
		ev := &schema.SpanEvent{
			TimeUs: at, Name: name,
			Attributes: a.attributes.Tags(e.GetAttributes(), e.GetDroppedAttributesCount(), &room),
		}
		if original != "" {
			ev.Attributes = append(ev.Attributes, &schema.Tag{Key: attribute.OriginalTime, Value: original})
		}
		row.Events = append(row.Events, ev)
	}
	row.Attributes = attribute.Note(row.Attributes, attribute.DroppedEvents, dropped)

	dropped, room = s.GetDroppedLinksCount(), attribute.RoomLinks
	for _, l := range s.GetLinks() {
		trace, ok1 := identity.TraceID(l.GetTraceId())
		id, ok2 := identity.SpanID(l.GetSpanId())
		room -= len(trace) + len(id) + attribute.Overhead
		if !ok1 || !ok2 || len(row.Links) == maxSpanLinks || room < 0 {
			dropped++
			continue
		}
		link := &schema.SpanLink{
			TraceId: trace, SpanId: id,
			Attributes: a.attributes.Tags(l.GetAttributes(), l.GetDroppedAttributesCount(), &room),
		}
		if state := a.named(l.GetTraceState(), schema.MaxAttributeValue); state != "" {
			// Named as OTel names it for protocols without a field for it.
			if room -= len(state) + attribute.Overhead; room >= 0 {
				link.Attributes = append(link.Attributes, &schema.Tag{Key: "w3c.tracestate", Value: state})
			}
		}
		row.Links = append(row.Links, link)
	}
	row.Attributes = attribute.Note(row.Attributes, attribute.DroppedLinks, dropped)
}

// known returns an enum's number, 0 for one that OTLP does not define.
func known(n, highest int32) uint32 {
	if n < 0 || n > highest {
		return 0
	}
	return uint32(n)
}

// operation names a span's kind of work with Sentry's words, so that one query
// finds the spans of both protocols.
func operation(s *schema.Span) string {
	at := s.Attributes
	if op := attribute.Value(at, "sentry.op"); op != "" {
		return attribute.Clipped(op, schema.MaxTagValue)
	}
	switch {
	case attribute.Value(at, "db.system.name", "db.system") != "":
		return "db"
	case attribute.Value(at, "messaging.system") != "":
		if s.Kind == 5 {
			return "queue.process"
		}
		return "queue.publish"
	case attribute.Value(at, "rpc.system", "rpc.system.name") != "":
		return "rpc"
	case attribute.Value(at, "http.request.method", "http.method") != "":
		if s.Kind == 3 {
			return "http.client"
		}
		return "http.server"
	}
	return ""
}

// transactionName is the route of a span that has one, else its name.
func transactionName(s *schema.Span) string {
	if r := attribute.Value(s.Attributes, "http.route"); r != "" {
		return attribute.Clipped(r, schema.MaxTransaction)
	}
	return s.Name
}

// sampleWeight is how many spans a sampled one stands for, from the threshold
// of OTel's consistent sampling (tracestate ot=th:HEX); 1 where it is unknown.
func sampleWeight(state string) float32 {
	for member := range strings.SplitSeq(state, ",") {
		v, ok := strings.CutPrefix(strings.TrimSpace(member), "ot=")
		if !ok {
			continue
		}
		for field := range strings.SplitSeq(v, ";") {
			th, ok := strings.CutPrefix(field, "th:")
			if !ok || th == "" || len(th) > 14 {
				continue
			}
			// The threshold is a fraction of 2^56 with its trailing zeros left out.
			t, err := strconv.ParseUint(th+strings.Repeat("0", 14-len(th)), 16, 64)
			if err == nil && t < 1<<56 {
				return float32(float64(uint64(1)<<56) / float64(uint64(1)<<56-t))
			}
		}
	}
	return 1
}
